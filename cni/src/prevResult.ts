/**
 * What an ADD promised, as the runtime hands it back for CHECK: the result of the whole list, so that of later plugins,
 * too. In any form that we print; the field that tells the family of an address (before 1.0.0) is not needed.
 */
import { type Address, addressBits, type Family, parseAddress, parseCidr } from "@brindle/net";
import { CniError } from "./error.ts";

export interface Promised {
  readonly pod: PromisedInterface;
  /** The node's ends that the result names. */
  readonly hosts: readonly PromisedInterface[];
  /** Those of the container's end that are ours: a later plugin may have added others, with a network around them. */
  readonly addresses: readonly Address[];
  /** The families with a default route; in the others another interface has it. */
  readonly defaultFamilies: readonly Family[];
}

export interface PromisedInterface {
  readonly name: string;
  readonly mac: string | null;
  /** Told since 1.1.0. */
  readonly mtu: number | null;
}

type Json = Readonly<Record<string, unknown>>;

export function parsePromised(
  prevResult: unknown,
  { interfaceName, netns }: { readonly interfaceName: string; readonly netns: string },
): Promised {
  if (prevResult === undefined) throw invalid("is missing: CHECK compares with what ADD answered");
  if (!isObject(prevResult)) throw invalid("must be an object");
  const interfaces = objectsOf(prevResult.interfaces, "interfaces");
  const at = interfaces.findIndex(({ name, sandbox }) => name === interfaceName && sandbox === netns);
  const pod = interfaces[at];
  if (!pod) throw invalid(`names no interface ${interfaceName} in ${netns}`);
  return {
    pod: interfaceOf(pod),
    hosts: interfaces.filter(({ sandbox }) => sandbox === undefined || sandbox === "").map(interfaceOf),
    addresses: objectsOf(prevResult.ips, "ips")
      .filter((ip) => ip.interface === undefined || ip.interface === at)
      .flatMap(({ address }) => ownAddress(address)),
    defaultFamilies: objectsOf(prevResult.routes, "routes").flatMap(({ dst }) =>
      dst === "0.0.0.0/0" ? [4 as const] : dst === "::/0" ? [6 as const] : [],
    ),
  };
}

function interfaceOf({ name, mac, mtu }: Json): PromisedInterface {
  return {
    name: typeof name === "string" ? name : "",
    mac: typeof mac === "string" && mac !== "" ? mac.toLowerCase() : null,
    mtu: typeof mtu === "number" && mtu > 0 ? mtu : null,
  };
}

/** Each of ours stands alone, without a network around it. */
function ownAddress(text: unknown): Address[] {
  const cidr = typeof text === "string" ? parseCidr(text) : null;
  if (!cidr) throw invalid(`has an address that is none: ${JSON.stringify(text ?? null)}`);
  return cidr.length === addressBits[cidr.address.family] ? [cidr.address] : [];
}

function objectsOf(value: unknown, field: string): readonly Json[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every(isObject)) return value;
  throw invalid(`has ${field} that are no list of objects`);
}

/** An address, or a network with a length; the length says nothing here. */
export function addressOfText(text: string): Address | null {
  return parseCidr(text)?.address ?? parseAddress(text);
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(what: string): CniError {
  return new CniError({ code: "INVALID_CONFIG", message: `prevResult ${what}` });
}
