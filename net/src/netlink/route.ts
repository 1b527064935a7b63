/** Routes: RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE. */
import { type Address, addressBits, type Family } from "../address.ts";
import type { Prefix } from "../prefix.ts";
import { type AttributeTable, concat, decodeAttributes, encodeAttributes, writeAttribute } from "./attribute.ts";
import { ByteWriter } from "./byteWriter.ts";
import { familyNumber, familyOf } from "./family.ts";
import { scope } from "./interfaceAddress.ts";
import { messageFlag, type NetlinkMessage, type NetlinkRequest } from "./message.ts";
import {
  decodeMultipath,
  decodeNextHop,
  encodeMultipath,
  type NextHop,
  type NextHopAttributes,
  nextHopFlags,
  nextHopRows,
} from "./nextHop.ts";
import { type StructCodec, structCodec } from "./struct.ts";
import { address, binary, s32, u32 } from "./value.ts";

export type RouteKind =
  | "unspecified"
  | "unicast"
  | "local"
  | "broadcast"
  | "anycast"
  | "multicast"
  | "blackhole"
  | "unreachable"
  | "prohibit"
  | "throw";

export interface Route {
  readonly destination: Prefix;
  /** Only packets from here; IPv6 alone. */
  readonly source: Prefix | null;
  readonly kind: RouteKind;
  readonly table: number;
  /** Who made it (RTPROT_*): 2 the kernel, 3 boot, 4 an administrator; daemons have numbers of their own. */
  readonly protocol: number;
  readonly scope: number;
  /** The lower, the better. The kernel gives IPv6 routes that come with 0 the metric 1024. */
  readonly metric: number;
  /** The address that the node's own packets leave with. */
  readonly preferredSource: Address | null;
  /** None for blackhole and its like, several for multipath. */
  readonly nextHops: readonly NextHop[];
}

/** A route to be made. What is left out gets the usual value: unicast, main table, protocol boot, metric 0. */
export interface NewRoute {
  readonly destination: Prefix;
  readonly source?: Prefix | null;
  readonly kind?: RouteKind;
  readonly table?: number;
  readonly protocol?: number;
  /** `scope.link` for an IPv4 route without gateway, `scope.global` for others. */
  readonly scope?: number;
  readonly metric?: number;
  readonly preferredSource?: Address | null;
  readonly nextHops?: readonly NextHop[];
}

export interface RouteFilter {
  readonly family?: Family;
  readonly table?: number;
  readonly protocol?: number;
  readonly interfaceIndex?: number;
}

/** How the kernel would send a packet. */
export interface RouteLookup {
  readonly kind: RouteKind;
  readonly interfaceIndex: number | null;
  /** `null`: the destination is a neighbour, or local. */
  readonly gateway: Address | null;
  readonly source: Address | null;
  readonly table: number;
}

export const routeTable: { readonly main: 254; readonly local: 255; readonly default: 253 } = {
  main: 254,
  local: 255,
  default: 253,
};

export const routeProtocol: { readonly kernel: 2; readonly boot: 3; readonly static: 4 } = {
  kernel: 2,
  boot: 3,
  static: 4,
};

const routeMessage = { new: 24, delete: 25, get: 26 } as const;

/** RTN_*, by number. */
const routeKinds: readonly RouteKind[] = [
  "unspecified",
  "unicast",
  "local",
  "broadcast",
  "anycast",
  "multicast",
  "blackhole",
  "unreachable",
  "prohibit",
  "throw",
];

/** struct rtmsg */
interface RouteHeader {
  readonly [field: string]: number;
  readonly family: number;
  readonly destinationLength: number;
  readonly sourceLength: number;
  readonly tos: number;
  readonly table: number;
  readonly protocol: number;
  readonly scope: number;
  readonly kind: number;
  readonly flags: number;
}

const routeHeader: StructCodec<RouteHeader> = structCodec<RouteHeader>([
  ["family", "u8"],
  ["destinationLength", "u8"],
  ["sourceLength", "u8"],
  ["tos", "u8"],
  ["table", "u8"],
  ["protocol", "u8"],
  ["scope", "u8"],
  ["kind", "u8"],
  ["flags", "u32"],
]);

interface RouteAttributes extends NextHopAttributes {
  readonly destination?: Address;
  readonly source?: Address;
  readonly interfaceIndex?: number;
  readonly metric?: number;
  readonly preferredSource?: Address;
  readonly multipath?: Uint8Array;
  readonly table?: number;
}

/** RTA_* */
const routeAttributes: AttributeTable<RouteAttributes> = {
  destination: { type: 1, codec: address },
  source: { type: 2, codec: address },
  interfaceIndex: { type: 4, codec: s32 },
  ...nextHopRows,
  metric: { type: 6, codec: u32 },
  preferredSource: { type: 7, codec: address },
  multipath: { type: 9, codec: binary },
  table: { type: 15, codec: u32 },
};

export function isRouteMessage(type: number): boolean {
  return type === routeMessage.new || type === routeMessage.delete;
}

export function isRouteDeletion(type: number): boolean {
  return type === routeMessage.delete;
}

/** `null` for what does not parse, and for routes of other families (MPLS, multicast routing). */
export function decodeRoute({ body }: NetlinkMessage): Route | null {
  const header = routeHeader.decode(body);
  const attributes = decodeAttributes(routeAttributes, body.subarray(routeHeader.size));
  const family = header && familyOf(header.family);
  const kind = header && routeKinds[header.kind];
  if (!header || !attributes || !family || !kind) return null;
  const destination = prefixOf(family, attributes.destination, header.destinationLength);
  const nextHops = attributes.multipath
    ? decodeMultipath(attributes.multipath)
    : singleNextHop(kind, header, attributes);
  const source = header.sourceLength === 0 ? null : prefixOf(family, attributes.source, header.sourceLength);
  if (!destination || !nextHops || (header.sourceLength > 0 && !source)) return null;
  return {
    destination,
    source,
    kind,
    table: attributes.table ?? header.table,
    protocol: header.protocol,
    scope: header.scope,
    metric: attributes.metric ?? 0,
    preferredSource: attributes.preferredSource ?? null,
    nextHops,
  };
}

export function listRoutes(filter: RouteFilter = {}): NetlinkRequest {
  const header = routeHeader.encode({
    family: filter.family ? familyNumber[filter.family] : 0,
    table: filter.table === undefined ? 0 : headerTable(filter.table),
    protocol: filter.protocol ?? 0,
  });
  const attributes = encodeAttributes(routeAttributes, {
    ...(filter.table === undefined ? {} : { table: filter.table }),
    ...(filter.interfaceIndex === undefined ? {} : { interfaceIndex: filter.interfaceIndex }),
  });
  return { type: routeMessage.get, flags: messageFlag.dump, body: concat([header, attributes]) };
}

/** Fails with EXISTS when there is a route to the destination with that metric and table. */
export function addRoute(route: NewRoute): NetlinkRequest {
  return { type: routeMessage.new, flags: messageFlag.create | messageFlag.exclusive, body: encodeRoute(route) };
}

/** Makes the route, in place of one with the same destination, metric and table if there is one. */
export function replaceRoute(route: NewRoute): NetlinkRequest {
  return { type: routeMessage.new, flags: messageFlag.create | messageFlag.replace, body: encodeRoute(route) };
}

/** The more is said about the route, the fewer routes it can be; without `nextHops` any next hop matches. */
export function deleteRoute(route: NewRoute): NetlinkRequest {
  return { type: routeMessage.delete, flags: 0, body: encodeRoute(route, { isDeletion: true }) };
}

/** Asks which route the kernel takes to an address. */
export function lookupRoute(destination: Address): NetlinkRequest {
  const { family } = destination;
  const header = routeHeader.encode({ family: familyNumber[family], destinationLength: addressBits[family] });
  const body = concat([header, encodeAttributes(routeAttributes, { destination })]);
  return { type: routeMessage.get, flags: 0, body };
}

export function decodeLookup(message: NetlinkMessage): RouteLookup | null {
  const route = decodeRoute(message);
  if (!route) return null;
  const hop = route.nextHops[0];
  return {
    kind: route.kind,
    interfaceIndex: hop?.interfaceIndex ?? null,
    gateway: hop?.gateway ?? null,
    source: route.preferredSource,
    table: route.table,
  };
}

/** Kept, since a route is encoded without a pause: nothing else can be in it. */
const writer = new ByteWriter();

function encodeRoute(route: NewRoute, { isDeletion = false } = {}): Uint8Array {
  // RTN_UNSPEC in a deletion matches every kind.
  const { destination, source = null, kind = isDeletion ? "unspecified" : "unicast", nextHops = [] } = route;
  const { table = routeTable.main } = route;
  const { family } = destination.address;
  const only = nextHops.length === 1 ? nextHops[0] : undefined;
  routeHeader.write(writer, {
    family: familyNumber[family],
    destinationLength: destination.length,
    sourceLength: source?.length ?? 0,
    table: headerTable(table),
    protocol: route.protocol ?? (isDeletion ? 0 : routeProtocol.boot),
    // RT_SCOPE_NOWHERE in a deletion matches every scope.
    scope: route.scope ?? (isDeletion ? scope.nowhere : usualScope(route)),
    kind: routeKinds.indexOf(kind),
    flags: only ? nextHopFlags(only) : 0,
  });
  // One by one and not as a table: a full table of routes is written in a second.
  if (destination.length > 0) writeAttribute(writer, routeAttributes.destination, destination.address);
  if (source) writeAttribute(writer, routeAttributes.source, source.address);
  if (only) writeNextHop(writer, only, family);
  if (route.metric) writeAttribute(writer, routeAttributes.metric, route.metric);
  if (route.preferredSource) writeAttribute(writer, routeAttributes.preferredSource, route.preferredSource);
  if (nextHops.length > 1) writeAttribute(writer, routeAttributes.multipath, encodeMultipath(nextHops, family));
  if (headerTable(table) !== table) writeAttribute(writer, routeAttributes.table, table);
  return writer.take();
}

function writeNextHop(writer: ByteWriter, { gateway, interfaceIndex }: NextHop, routeFamily: Family): void {
  if (gateway) writeAttribute(writer, routeAttributes[gateway.family === routeFamily ? "gateway" : "via"], gateway);
  if (typeof interfaceIndex === "number") writeAttribute(writer, routeAttributes.interfaceIndex, interfaceIndex);
}

/** RT_TABLE_UNSPEC where the number does not fit into the header's byte: the attribute has it. */
function headerTable(table: number): number {
  return table < 256 ? table : 0;
}

/** The kernel refuses an IPv4 route to a neighbour with global scope when it is a next hop's way. */
function usualScope({ destination, kind = "unicast", nextHops = [] }: NewRoute): number {
  if (destination.address.family === 6) return scope.global;
  if (kind === "local") return scope.host;
  const isDirect = nextHops.length > 0 && nextHops.every((hop) => !hop.gateway);
  return kind === "unicast" && isDirect ? scope.link : scope.global;
}

function singleNextHop(kind: RouteKind, header: RouteHeader, attributes: RouteAttributes): NextHop[] {
  // IPv6 hangs a blackhole on the loopback; that is the kernel's bookkeeping and no next hop.
  if (kind === "blackhole" || kind === "unreachable" || kind === "prohibit" || kind === "throw") return [];
  if (attributes.interfaceIndex === undefined && !attributes.gateway && !attributes.via) return [];
  const place = { flags: header.flags, interfaceIndex: attributes.interfaceIndex ?? null, weight: 1 };
  return [decodeNextHop(attributes, place)];
}

function prefixOf(family: Family, address: Address | undefined, length: number): Prefix | null {
  if (length > addressBits[family] || (address && address.family !== family)) return null;
  return { address: address ?? { family, value: 0n }, length };
}
