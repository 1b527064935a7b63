/**
 * What a list says for the reference plugin `host-local`, in so far as it has a meaning here: pods have addresses of given ranges
 * alone, most often of the node's podCIDR, in the words of Calico's lists (`usePodCidr`). Addresses are held in the datastore all
 * the same, so that nothing of the node's disk can leak.
 */
import { type Family, type Prefix, parsePrefix } from "@brindle/net";
import { CniError } from "./error.ts";

/** `podCidr`: what Kubernetes gave the node of the family, whichever that is. */
export type Ranges = "podCidr" | readonly Prefix[];

export type RangesByFamily = Readonly<Partial<Record<Family, Ranges>>>;

type Json = Readonly<Record<string, unknown>>;

const words: Readonly<Record<string, Family>> = { usePodCidr: 4, usePodCidrIPv6: 6 };
/** `dataDir` is where files of addresses were; there are none. */
const known = new Set(["type", "subnet", "ranges", "routes", "dataDir"]);

export function parseHostLocal(ipam: Json): RangesByFamily {
  for (const field of Object.keys(ipam)) if (!known.has(field)) throw unsupported(`ipam.${field}`);
  requireDefaultRoutes(ipam.routes);
  const sets = setsOf(ipam).map((set) => set.map(rangeOf));
  if (sets.length === 0) throw invalid("ipam.ranges", "is missing, and ipam.subnet: a pod needs an address");
  const found: Partial<Record<Family, Ranges>> = {};
  for (const set of sets) {
    const families = new Set(set.map(({ family }) => family));
    const [family] = families;
    if (family === undefined || families.size > 1)
      throw invalid("ipam.ranges", "must be lists of ranges, each of one family");
    if (found[family]) throw invalid("ipam.ranges", `has two lists of IPv${family}: a pod has one address of it`);
    found[family] = joined(set.map(({ range }) => range));
  }
  return found;
}

/** The plugin takes one range by itself, or lists of lists: an address of each outer one. */
function setsOf({ subnet, ranges }: Json): Json[][] {
  if (ranges !== undefined && !isLists(ranges)) throw invalid("ipam.ranges", "must be a list of lists of ranges");
  return [...(subnet === undefined ? [] : [[{ subnet }]]), ...(ranges ?? [])];
}

function rangeOf(range: Json): { readonly family: Family; readonly range: "podCidr" | Prefix } {
  const other = Object.keys(range).find((field) => field !== "subnet");
  if (other !== undefined) throw unsupported(`ipam.ranges.${other}`);
  const text = typeof range.subnet === "string" ? range.subnet : "";
  const family = words[text];
  if (family !== undefined) return { family, range: "podCidr" };
  const prefix = parsePrefix(text);
  if (!prefix)
    throw invalid("ipam.subnet", 'must be "usePodCidr", "usePodCidrIPv6" or a range such as "10.244.1.0/24"');
  return { family: prefix.address.family, range: prefix };
}

function joined(ranges: readonly ("podCidr" | Prefix)[]): Ranges {
  const prefixes = ranges.filter((range) => range !== "podCidr");
  if (prefixes.length === ranges.length) return prefixes;
  if (prefixes.length === 0) return "podCidr";
  throw invalid("ipam.ranges", "has usePodCidr and another range in one list");
}

/** A pod has a default route, and needs no other. */
function requireDefaultRoutes(routes: unknown): void {
  const isDefault = (route: Json) => Object.keys(route).length === 1 && /^(0\.0\.0\.0|::)\/0$/.test(`${route.dst}`);
  if (routes === undefined || (isObjects(routes) && routes.every(isDefault))) return;
  throw new CniError({
    code: "UNSUPPORTED_FIELD",
    message: "ipam.routes is not supported but for the default route, which a pod has: remove it",
  });
}

function isLists(value: unknown): value is readonly Json[][] {
  return Array.isArray(value) && value.every(isObjects);
}

function isObjects(value: unknown): value is Json[] {
  return Array.isArray(value) && value.every((each) => typeof each === "object" && each !== null);
}

function invalid(field: string, rule: string): CniError {
  return new CniError({ code: "INVALID_CONFIG", message: `${field} ${rule}` });
}

function unsupported(field: string): CniError {
  const advice = "pods have no other gateway, and what is not to be given goes into an IPReservation: remove it";
  return new CniError({ code: "UNSUPPORTED_FIELD", message: `${field} is not supported: ${advice}` });
}
