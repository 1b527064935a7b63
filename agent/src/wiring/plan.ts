/**
 * What must exist for an attachment, as data: a veth pair, its addresses, routes, neighbours and kernel settings. The
 * forms are Calico's, so that a pod survives a change of agent; the mark (alias, route protocol) is ours, so that we
 * touch nothing else.
 */
import { createHash } from "node:crypto";
import type { Attachment, Mark } from "@brindle/cni";
import {
  type Address,
  type Family,
  hostPrefix,
  type InterfaceAddress,
  type Ipv4Settings,
  type KernelChange,
  type Link,
  type LinkSettings,
  type NewLink,
  type NewRoute,
  type SourceRule,
  sameAddress,
  scope,
} from "@brindle/net";

/** Marks the routes of local pods. Not 80, which is Calico's: the two may meet on one node. */
export const localRouteProtocol = 214;

/** Felix's, and what the kernel gives to IPv6 routes that come without one, so that both families look alike. */
export const localRouteMetric = 1024;

/** Every pod's next hop has this address: the pod's routes and neighbours then need nothing of the node's own. */
export const hostMac = "ee:ee:ee:ee:ee:ee";

/** 169.254.1.1, and the link-local address that the kernel makes of `hostMac` (RFC 4291 appendix A). */
export const gateways: Readonly<Record<Family, Address>> = {
  4: { family: 4, value: 0xa9fe_0101n },
  6: { family: 6, value: 0xfe80_0000_0000_0000_ecee_eeff_feee_eeeen },
};

const everywhere: Readonly<Record<Family, { readonly address: Address; readonly length: 0 }>> = {
  4: { address: { family: 4, value: 0n }, length: 0 },
  6: { address: { family: 6, value: 0n }, length: 0 },
};

export interface Sysctl {
  readonly path: `net/${string}`;
  readonly value: number;
}

/** What the kernel takes as an alias (IFALIASZ, with its last byte). */
const aliasBytesMax = 255;

/** Who made an interface, and for whom on which network: the alias of the node's end. */
export function markOf(attachment: Pick<Attachment, "containerId" | "interfaceName" | "network">): string {
  const mark = `brindle ${attachment.containerId} ${attachment.interfaceName}`;
  const whole = `${mark} ${attachment.network}`;
  return Buffer.byteLength(whole) <= aliasBytesMax ? whole : mark;
}

/** `null` where the interface is not ours. One of an earlier release, or with long names, does not tell the network. */
export function readMark(alias: string | null): Pick<Mark, "containerId" | "interfaceName" | "network"> | null {
  const [, containerId, interfaceName, network = null] = /^brindle (\S+) (\S+)(?: (\S+))?$/.exec(alias ?? "") ?? [];
  return containerId === undefined || interfaceName === undefined ? null : { containerId, interfaceName, network };
}

/**
 * The pair, its second end made inside the container's namespace, so that no name is ever taken on the node. One queue, as
 * Calico has it, takes the kernel a quarter less to make and to remove than one for each processor.
 */
export function vethPair({ attachment, mtu, queues }: PairSettings, namespaceFd: number): NewLink {
  return {
    kind: "veth",
    name: attachment.hostInterface,
    mac: hostMac,
    mtu,
    queues,
    peer: { name: attachment.interfaceName, mac: attachment.mac, mtu, queues, namespaceFd },
  };
}

export interface PairSettings {
  readonly attachment: Attachment;
  readonly mtu: number;
  readonly queues: number;
}

/** What the kernel takes only once the interface exists. The node may make link-local addresses another way by default. */
export function hostSettings(
  attachment: Attachment,
  families: ReadonlySet<Family>,
  { reversePathFilter = hostIpv4.reversePathFilter }: Pick<Ipv4Settings, "reversePathFilter"> = {},
): LinkSettings {
  const ipv4 = { ...hostIpv4, reversePathFilter };
  return { alias: markOf(attachment), ipv4, ...(families.has(6) ? { addressGeneration: "eui64" } : {}) };
}

/** `reversePathFilter` where it is not the strict one. */
export interface HostPreparation extends Pick<Ipv4Settings, "reversePathFilter"> {
  readonly families: ReadonlySet<Family>;
}

/** Said before the node's end is up, in one datagram: what the kernel does as it comes up depends on them. */
export function hostPreparations(
  index: number,
  attachment: Attachment,
  { families, ...settings }: HostPreparation,
): KernelChange[] {
  const quick: readonly Family[] = families.has(6) ? [4, 6] : [4];
  return [
    { op: "setLink", link: { index }, settings: hostSettings(attachment, families, settings) },
    // For programs that ask by ARP all the same (arping). The delay, random up to 0.8 s, is for shared links.
    ...quick.map((family): KernelChange => {
      return { op: "setNeighbourTable", table: { family, interfaceIndex: index, proxyDelayMs: 0 } };
    }),
  ];
}

const hostIpv4: Required<Ipv4Settings> = {
  forwarding: 1,
  // Strict: a pod that sends with another's address is not forwarded.
  reversePathFilter: 1,
  routeLocalnet: 1,
  proxyArp: 1,
};

/** How the same settings are called as files. */
const ipv4Names: Readonly<Record<keyof Ipv4Settings, string>> = {
  forwarding: "forwarding",
  reversePathFilter: "rp_filter",
  routeLocalnet: "route_localnet",
  proxyArp: "proxy_arp",
};

/** What there is no message for, written before the node's end is up. */
export function hostFiles(name: string, families: ReadonlySet<Family>): Sysctl[] {
  // Without IPv6 for the pod the node speaks none on this link: no router advertisement of a pod's gets anywhere.
  if (!families.has(6)) return [{ path: `net/ipv6/conf/${name}/disable_ipv6`, value: 1 }];
  const forwarding: Sysctl = { path: `net/ipv6/conf/${name}/forwarding`, value: 1 };
  return [...quietIpv6(name), forwarding, { path: `net/ipv6/conf/${name}/proxy_ndp`, value: 1 }];
}

/** All that holds of the node's end, by message or by file, as CHECK reads it. */
export function hostSysctls(name: string, families: ReadonlySet<Family>): Sysctl[] {
  const byMessage = Object.entries(ipv4Names).map(([setting, file]): Sysctl => {
    return { path: `net/ipv4/conf/${name}/${file}`, value: hostIpv4[setting as keyof Ipv4Settings] };
  });
  const quick: readonly Family[] = families.has(6) ? [4, 6] : [4];
  const delays = quick.map((family): Sysctl => ({ path: `net/ipv${family}/neigh/${name}/proxy_delay`, value: 0 }));
  return [...byMessage, ...delays, ...hostFiles(name, families)];
}

/** Written inside the container's namespace. Some runtimes disable IPv6 there for all interfaces. */
export function podSysctls(name: string, families: ReadonlySet<Family>): Sysctl[] {
  if (!families.has(6)) return [];
  return [{ path: "net/ipv6/conf/all/disable_ipv6", value: 0 }, ...quietIpv6(name)];
}

/** Duplicate address detection would keep the addresses from being used for a second or two, and find nothing. */
function quietIpv6(name: string): Sysctl[] {
  return [
    { path: `net/ipv6/conf/${name}/disable_ipv6`, value: 0 },
    { path: `net/ipv6/conf/${name}/accept_dad`, value: 0 },
    { path: `net/ipv6/conf/${name}/dad_transmits`, value: 0 },
    { path: `net/ipv6/conf/${name}/accept_ra`, value: 0 },
  ];
}

/**
 * The node's end: up, and to each address of the pod a route and a first idea of its hardware address. Without it the
 * first packet could wait for a second: the node cannot ask by neighbour discovery before the kernel has noticed the
 * carrier and made its link-local address, and it puts that off (linkwatch) when both ends happen to have the same
 * interface index. The entry is `stale`, not permanent: used at once, then confirmed, and corrected if the pod has
 * another address by then.
 */
export function hostChanges(interfaceIndex: number, mac: string, addresses: readonly Address[]): KernelChange[] {
  return [
    { op: "setLink", link: { index: interfaceIndex }, settings: { up: true } },
    ...addresses.flatMap((address): KernelChange[] => [
      { op: "replaceNeighbour", neighbour: { interfaceIndex, address, mac, state: "stale" } },
      { op: "replaceRoute", route: localRoute(interfaceIndex, address) },
    ]),
  ];
}

export function localRoute(interfaceIndex: number, address: Address): NewRoute {
  return {
    destination: hostPrefix(address),
    protocol: localRouteProtocol,
    metric: localRouteMetric,
    nextHops: [{ interfaceIndex }],
  };
}

/**
 * The container's end. The gateway is a permanent neighbour, so no packet ever waits for ARP or neighbour discovery.
 * It must be: the node answers ARP for 169.254.1.1 only while it has a route that covers the address (proxy_arp looks
 * one up), so a node without a default route would leave its pods without a network.
 *
 * In families where another interface has the default route already, this one leaves it: what has its address goes by a
 * table of its own, since the node takes from each interface only what bears that interface's address.
 */
export function podChanges(
  { index, name }: Pick<Link, "index" | "name">,
  addresses: readonly Address[],
  aside: ReadonlySet<Family> = new Set(),
): KernelChange[] {
  const families = familiesOf(addresses);
  return [
    { op: "setLink", link: { index }, settings: { up: true } },
    ...addresses.map((address): KernelChange => ({ op: "replaceAddress", address: podAddress(index, address) })),
    ...[...families].flatMap((family) =>
      gatewayChanges(index, family, aside.has(family) ? sideTable(name) : undefined),
    ),
    ...addresses
      .filter(({ family }) => aside.has(family))
      .map((address): KernelChange => ({ op: "addRule", rule: sideRule(name, address) })),
  ];
}

/** Before the main table (32766), behind what people like to put first. */
const sideRulePriority = 10_000;

/** The same each time for an interface's name; far from the tables that people number. */
function sideTable(name: string): number {
  return 0x6272_0000 + createHash("sha1").update(name).digest().readUInt16BE();
}

function sideRule(name: string, address: Address): SourceRule {
  return { source: hostPrefix(address), table: sideTable(name), priority: sideRulePriority };
}

/** The rules of an earlier life of the interface, which outlive it. */
export function staleRules(name: string, rules: readonly SourceRule[], addresses: readonly Address[]): KernelChange[] {
  return rules
    .filter(({ table, priority }) => table === sideTable(name) && priority === sideRulePriority)
    .filter(({ source }) => !addresses.some((address) => sameAddress(source.address, address)))
    .map((rule) => ({ op: "deleteRule", rule }));
}

function podAddress(interfaceIndex: number, address: Address): InterfaceAddress {
  return { interfaceIndex, address: hostPrefix(address), ...(address.family === 6 ? { noDad: true } : {}) };
}

function gatewayChanges(interfaceIndex: number, family: Family, table: number | undefined): KernelChange[] {
  const gateway = gateways[family];
  const inTable = table === undefined ? {} : { table };
  const toGateway: KernelChange = {
    op: "replaceRoute",
    route: { destination: hostPrefix(gateway), scope: scope.link, nextHops: [{ interfaceIndex }], ...inTable },
  };
  return [
    { op: "replaceNeighbour", neighbour: { interfaceIndex, address: gateway, mac: hostMac, state: "permanent" } },
    // fe80::/64 is on the link already.
    ...(family === 4 ? [toGateway] : []),
    {
      op: "replaceRoute",
      route: { destination: everywhere[family], nextHops: [{ gateway, interfaceIndex }], ...inTable },
    },
  ];
}

export function familiesOf(addresses: readonly Address[]): ReadonlySet<Family> {
  return new Set(addresses.map((address) => address.family));
}
