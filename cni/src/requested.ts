/**
 * What is asked for one attachment beyond the configuration of its network: by the runtime (capabilities, `args`), or by the
 * pod and its namespace (Calico's annotations). What cannot be done is refused in words: a pod that starts without what
 * it asked for would be found out by whoever relies on it.
 */
import { type Address, type Family, formatAddress, parseAddress, parseCidr } from "@brindle/net";
import { CniError } from "./error.ts";

export interface Requested {
  /** These and no others, one of a family; none asked for is empty. */
  readonly addresses: readonly Address[];
  /** Of the container's end. */
  readonly mac: string | null;
  /** In place of what the configuration says. */
  readonly families: readonly Family[] | null;
  /** By family: names or CIDRs, in place of the configuration's. */
  readonly pools: Readonly<Partial<Record<Family, readonly string[]>>>;
}

export const nothingRequested: Requested = { addresses: [], mac: null, families: null, pools: {} };

export type Annotations = Readonly<Record<string, string>>;

const prefix = "cni.projectcalico.org/";

/** What Calico has and we have not, each with what to do. */
const refusals: readonly { readonly name: RegExp; readonly advice: string }[] = [
  {
    name: /^cni\.projectcalico\.org\/ipAddrsNoIpam$/,
    advice: "addresses come from IPPools alone: use cni.projectcalico.org/ipAddrs, with a pool that has the address",
  },
  {
    name: /^cni\.projectcalico\.org\/floatingIPs$/,
    advice: "floating addresses are not translated: remove it, or give the address by a Service",
  },
  {
    name: /^cni\.projectcalico\.org\/allowedSourcePrefixes$/,
    advice: "a pod sends with its own addresses alone: remove it",
  },
  {
    name: /^qos\.projectcalico\.org\//,
    advice:
      "it is not enforced: remove it, or limit the pod by kubernetes.io/ingress-bandwidth and the bandwidth plugin",
  },
];

/** The pod's annotations go before those of its namespace, which may say pools and families. */
export function requestedByAnnotations(pod: Annotations, namespace: Annotations): Requested {
  for (const name of Object.keys(pod)) {
    const refusal = refusals.find((one) => one.name.test(name));
    if (refusal) throw refused(name, refusal.advice);
  }
  const defaulted = (name: string) => pod[prefix + name] ?? namespace[prefix + name];
  return {
    addresses: oneOfEach(`${prefix}ipAddrs`, listOf(`${prefix}ipAddrs`, pod[`${prefix}ipAddrs`]) ?? []),
    mac: macOf(`${prefix}hwAddr`, pod[`${prefix}hwAddr`]),
    families: familiesOf(`${prefix}ipFamilies`, listOf(`${prefix}ipFamilies`, defaulted("ipFamilies"))),
    pools: {
      ...poolsOf(4, listOf(`${prefix}ipv4pools`, defaulted("ipv4pools"))),
      ...poolsOf(6, listOf(`${prefix}ipv6pools`, defaulted("ipv6pools"))),
    },
  };
}

/** The annotation by which the pod asks to be limited, by whichever plugin does that; `null` where it does not. */
export function bandwidthAnnotation(pod: Annotations): string | null {
  return Object.keys(pod).find((name) => /^kubernetes\.io\/(ingress|egress)-bandwidth$/.test(name)) ?? null;
}

/** The capabilities `ips` and `mac`, and the same by the convention `args.cni`. */
export function requestedByRuntime(
  where: string,
  { ips, mac }: { readonly ips?: unknown; readonly mac?: unknown },
): Requested {
  if (ips !== undefined && !isTexts(ips)) throw refused(`${where}.ips`, "must be a list of addresses");
  if (mac !== undefined && typeof mac !== "string") throw refused(`${where}.mac`, "must be a text");
  return { ...nothingRequested, addresses: oneOfEach(`${where}.ips`, ips ?? []), mac: macOf(`${where}.mac`, mac) };
}

/** What `first` asks for, and what only `second` does. */
export function joinedRequests(first: Requested, second: Requested): Requested {
  return {
    addresses: first.addresses.length > 0 ? first.addresses : second.addresses,
    mac: first.mac ?? second.mac,
    families: first.families ?? second.families,
    pools: { ...second.pools, ...first.pools },
  };
}

function oneOfEach(name: string, texts: readonly string[]): Address[] {
  const addresses = texts.map((text) => {
    const address = parseCidr(text)?.address ?? parseAddress(text);
    if (!address) throw refused(name, `${JSON.stringify(text)} is no address`);
    return address;
  });
  for (const family of [4, 6] as const) {
    const same = addresses.filter((address) => address.family === family);
    if (same.length > 1)
      throw refused(name, `has ${same.map(formatAddress).join(" and ")}: a pod has one IPv${family} address`);
  }
  return addresses;
}

function macOf(name: string, text: string | undefined): string | null {
  if (text === undefined) return null;
  const bytes = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)
    ? text.split(":").map((byte) => Number.parseInt(byte, 16))
    : [];
  const [first] = bytes;
  if (first === undefined)
    throw refused(name, `${JSON.stringify(text)} is no hardware address such as 02:00:0a:41:00:03`);
  if ((first & 1) !== 0 || bytes.every((byte) => byte === 0))
    throw refused(name, `${text} is the address of no single interface`);
  return text.toLowerCase();
}

function familiesOf(name: string, texts: readonly string[] | undefined): readonly Family[] | null {
  if (texts === undefined) return null;
  const families = texts.map((text): Family => {
    if (/^ipv4$/i.test(text)) return 4;
    if (/^ipv6$/i.test(text)) return 6;
    throw refused(name, `${JSON.stringify(text)} is neither IPv4 nor IPv6`);
  });
  if (families.length === 0) throw refused(name, "is empty: a pod needs an address");
  return families;
}

function poolsOf(family: Family, pools: readonly string[] | undefined): Requested["pools"] {
  return pools === undefined || pools.length === 0 ? {} : { [family]: pools };
}

function listOf(name: string, text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined;
  try {
    const list: unknown = JSON.parse(text);
    if (isTexts(list)) return list;
  } catch {
    // Said below.
  }
  throw refused(name, `${JSON.stringify(text)} is no list of texts in JSON, such as ["10.65.0.3"]`);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === "string" && text !== "");
}

function refused(name: string, why: string): CniError {
  return new CniError({ code: "INVALID_CONFIG", message: `${name}: ${why}` });
}
