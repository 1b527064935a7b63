/**
 * What is asked for one attachment beyond the configuration of its network: by the runtime (capabilities, `args`), or by the
 * pod and its namespace (Calico's annotations). What cannot be done is refused in words: a pod that starts without what
 * it asked for would be found out by whoever relies on it.
 */
import { type QosControls, unmanagedAnnotation } from "@brindle/api";
import {
  type Address,
  containsAddress,
  type Family,
  formatAddress,
  hostPrefix,
  isLinkLocal,
  networkOf,
  type Prefix,
  parseAddress,
  parseCidr,
  parsePrefix,
} from "@brindle/net";
import type { Beyond } from "./beyondOwn.ts";
import { CniError } from "./error.ts";
import { limitsByRuntime } from "./limits.ts";

export interface Requested extends Beyond {
  /** These and no others, one of a family; none asked for is empty. */
  readonly addresses: readonly Address[];
  /** These, which no IPPool gives: nobody sees to it that others do not have them. Never beside `addresses`. */
  readonly unmanaged: readonly Address[];
  /** Of the container's end. */
  readonly mac: string | null;
  /** In place of what the configuration says. */
  readonly families: readonly Family[] | null;
  /** By family: names or CIDRs, in place of the configuration's. */
  readonly pools: Readonly<Partial<Record<Family, readonly string[]>>>;
  /** Of bandwidth, by the runtime's word. */
  readonly limits: QosControls | null;
}

export const nothingRequested: Requested = {
  addresses: [],
  unmanaged: [],
  mac: null,
  families: null,
  pools: {},
  limits: null,
  sources: [],
  floating: [],
};

export type Annotations = Readonly<Record<string, string>>;

const prefix = "cni.projectcalico.org/";

/** The pod's annotations go before those of its namespace, which may say pools and families. */
export function requestedByAnnotations(pod: Annotations, namespace: Annotations): Requested {
  const defaulted = (name: string) => pod[prefix + name] ?? namespace[prefix + name];
  return {
    addresses: oneOfEach(`${prefix}ipAddrs`, listOf(`${prefix}ipAddrs`, pod[`${prefix}ipAddrs`]) ?? []),
    unmanaged: ofHosts(
      unmanagedAnnotation,
      oneOfEach(unmanagedAnnotation, listOf(unmanagedAnnotation, pod[unmanagedAnnotation]) ?? []),
    ),
    mac: macOf(`${prefix}hwAddr`, pod[`${prefix}hwAddr`]),
    families: familiesOf(`${prefix}ipFamilies`, listOf(`${prefix}ipFamilies`, defaulted("ipFamilies"))),
    pools: {
      ...poolsOf(4, listOf(`${prefix}ipv4pools`, defaulted("ipv4pools"))),
      ...poolsOf(6, listOf(`${prefix}ipv6pools`, defaulted("ipv6pools"))),
    },
    limits: null,
    sources: sourcesOf(`${prefix}allowedSourcePrefixes`, pod[`${prefix}allowedSourcePrefixes`]),
    floating: floatingOf(`${prefix}floatingIPs`, pod[`${prefix}floatingIPs`]),
  };
}

/** The capabilities `ips`, `mac` and `bandwidth`, and the first two by the convention `args.cni`. */
export function requestedByRuntime(
  where: string,
  { ips, mac, bandwidth }: { readonly ips?: unknown; readonly mac?: unknown; readonly bandwidth?: unknown },
): Requested {
  if (ips !== undefined && !isTexts(ips)) throw refused(`${where}.ips`, "must be a list of addresses");
  if (mac !== undefined && typeof mac !== "string") throw refused(`${where}.mac`, "must be a text");
  return {
    ...nothingRequested,
    addresses: oneOfEach(`${where}.ips`, ips ?? []),
    mac: macOf(`${where}.mac`, mac),
    limits: limitsByRuntime(`${where}.bandwidth`, bandwidth),
  };
}

/** What `first` asks for, and what only `second` does. */
export function joinedRequests(first: Requested, second: Requested): Requested {
  return {
    addresses: first.addresses.length > 0 ? first.addresses : second.addresses,
    unmanaged: [...first.unmanaged, ...second.unmanaged],
    mac: first.mac ?? second.mac,
    families: first.families ?? second.families,
    pools: { ...second.pools, ...first.pools },
    limits: first.limits ?? second.limits,
    sources: [...first.sources, ...second.sources],
    floating: [...first.floating, ...second.floating],
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

/** That no pool has them means that no pool's author has looked at them. Link-local ones are also the gateways of pods. */
function ofHosts(name: string, addresses: Address[]): Address[] {
  for (const address of addresses)
    if (isLinkLocal(address) || nobodys.some((range) => containsAddress(range, address)))
      throw refused(name, `${formatAddress(address)} is no address that one host has and others reach`);
  return addresses;
}

/** IANA's registries of special addresses: this network, loopback, multicast, broadcast; IPv4-mapped, as no packet has them. */
const nobodys = [
  ...["0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32"],
  ...["::/128", "::1/128", "::ffff:0:0/96", "ff00::/8"],
].flatMap((range) => parsePrefix(range) ?? []);

function sourcesOf(name: string, text: string | undefined): Prefix[] {
  return (listOf(name, text) ?? []).map((one) => {
    const [cidr, address] = [parseCidr(one), parseAddress(one)];
    if (cidr) return networkOf(cidr);
    if (address) return hostPrefix(address);
    throw refused(name, `${JSON.stringify(one)} is no network, such as 192.0.2.0/24`);
  });
}

function floatingOf(name: string, text: string | undefined): Address[] {
  return (listOf(name, text) ?? []).map((one) => {
    const address = parseAddress(one);
    if (!address) throw refused(name, `${JSON.stringify(one)} is no address`);
    return address;
  });
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
