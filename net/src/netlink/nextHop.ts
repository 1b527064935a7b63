/** Next hops: alone in a route's own attributes, or several in RTA_MULTIPATH (struct rtnexthop and attributes). */
import type { Address, Family } from "../address.ts";
import { type AttributeTable, align, concat, decodeAttributes, encodeAttributes } from "./attribute.ts";
import { getU16, getU32, setU16, setU32 } from "./bytes.ts";
import { familyNumber, familyOf } from "./family.ts";
import { address, u16, type ValueCodec } from "./value.ts";

export interface NextHop {
  /** May be an IPv6 address for an IPv4 destination (RFC 5549). */
  readonly gateway?: Address | null;
  readonly interfaceIndex?: number | null;
  /** The gateway is taken as a neighbour on the interface, whatever its address. */
  readonly onLink?: boolean;
  /** Share of the traffic among the next hops of a route, 1 to 256. */
  readonly weight?: number;
}

export interface NextHopAttributes {
  readonly gateway?: Address;
  readonly via?: Address;
}

/** RTNH_F_ONLINK, in the flags of a route and of a next hop. */
const onLinkFlag = 4;
const nextHopHeaderBytes = 8;

/** struct rtvia: a family in front of the address, since it is not the route's. */
const via: ValueCodec<Address> = {
  decode(bytes) {
    const family = u16.decode(bytes.subarray(0, 2));
    const value = address.decode(bytes.subarray(2));
    return value && family !== null && familyOf(family) === value.family ? value : null;
  },
  write(writer, value) {
    writer.u16(familyNumber[value.family]);
    address.write(writer, value);
  },
};

/** RTA_GATEWAY and RTA_VIA. */
export const nextHopRows: AttributeTable<NextHopAttributes> = {
  gateway: { type: 5, codec: address },
  via: { type: 18, codec: via },
};

export function nextHopAttributes({ gateway }: NextHop, routeFamily: Family): NextHopAttributes {
  if (!gateway) return {};
  return gateway.family === routeFamily ? { gateway } : { via: gateway };
}

export function nextHopFlags(hop: NextHop): number {
  return hop.onLink ? onLinkFlag : 0;
}

export function decodeNextHop(
  { gateway, via }: NextHopAttributes,
  { flags, interfaceIndex, weight }: { flags: number; interfaceIndex: number | null; weight: number },
): NextHop {
  return { gateway: gateway ?? via ?? null, interfaceIndex, onLink: (flags & onLinkFlag) !== 0, weight };
}

/** The value of RTA_MULTIPATH, or `null` when it does not parse. */
export function decodeMultipath(bytes: Uint8Array): NextHop[] | null {
  const hops: NextHop[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (bytes.length - offset < nextHopHeaderBytes) return null;
    const length = getU16(bytes, offset);
    if (length < nextHopHeaderBytes || length > bytes.length - offset) return null;
    const attributes = decodeAttributes(nextHopRows, bytes.subarray(offset + nextHopHeaderBytes, offset + length));
    if (!attributes) return null;
    const place = {
      flags: bytes[offset + 2] ?? 0,
      weight: (bytes[offset + 3] ?? 0) + 1,
      interfaceIndex: getU32(bytes, offset + 4) || null,
    };
    hops.push(decodeNextHop(attributes, place));
    offset += align(length);
  }
  return hops;
}

export function encodeMultipath(hops: readonly NextHop[], routeFamily: Family): Uint8Array {
  return concat(hops.map((hop) => encodeNextHop(hop, routeFamily)));
}

function encodeNextHop(hop: NextHop, routeFamily: Family): Uint8Array {
  const attributes = encodeAttributes(nextHopRows, nextHopAttributes(hop, routeFamily));
  const bytes = new Uint8Array(nextHopHeaderBytes + attributes.length);
  setU16(bytes, 0, bytes.length);
  bytes[2] = nextHopFlags(hop);
  bytes[3] = (hop.weight ?? 1) - 1;
  setU32(bytes, 4, hop.interfaceIndex ?? 0);
  bytes.set(attributes, nextHopHeaderBytes);
  return bytes;
}
