/** The headers of a packet as the kernel hands it over: what a person needs to know it, and no more. */
import { type Address, addressFromBytes } from "../address.ts";
import { getU16be } from "../netlink/bytes.ts";

export interface IpPacket {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmp?: { readonly type: number; readonly code: number };
}

const protocol = {
  hopByHop: 0,
  icmp: 1,
  tcp: 6,
  udp: 17,
  routing: 43,
  fragment: 44,
  authentication: 51,
  icmpv6: 58,
  options: 60,
  sctp: 132,
  udplite: 136,
} as const;
const withPorts: ReadonlySet<number> = new Set([protocol.tcp, protocol.udp, protocol.sctp, protocol.udplite]);

/** `null` for what is no packet of either family, or cut within its addresses. Never reads outside. */
export function decodeIpPacket(bytes: Uint8Array): IpPacket | null {
  const version = (bytes[0] ?? 0) >> 4;
  if (version === 4) return decode4(bytes);
  return version === 6 ? decode6(bytes) : null;
}

function decode4(bytes: Uint8Array): IpPacket | null {
  const headerBytes = ((bytes[0] ?? 0) & 15) * 4;
  if (bytes.length < 20 || headerBytes < 20) return null;
  const header = {
    source: addressFromBytes(bytes.subarray(12, 16)),
    destination: addressFromBytes(bytes.subarray(16, 20)),
    protocol: bytes[9] ?? 0,
  };
  const isLaterFragment = (getU16be(bytes, 6) & 0x1fff) !== 0;
  return isLaterFragment ? header : { ...header, ...transport(header.protocol, bytes.subarray(headerBytes)) };
}

function decode6(bytes: Uint8Array): IpPacket | null {
  if (bytes.length < 40) return null;
  const source = addressFromBytes(bytes.subarray(8, 24));
  const destination = addressFromBytes(bytes.subarray(24, 40));
  let next = bytes[6] ?? 0;
  let offset = 40;
  while (offset + 8 <= bytes.length) {
    const isFragment = next === protocol.fragment;
    if (!isFragment && !isExtension(next)) break;
    if (isFragment && (getU16be(bytes, offset + 2) & 0xfff8) !== 0) {
      return { source, destination, protocol: bytes[offset] ?? 0 };
    }
    const length = bytes[offset + 1] ?? 0;
    // RFC 8200 counts units of eight bytes beyond the first, the authentication header (RFC 4302) four, less two.
    const size = isFragment ? 8 : next === protocol.authentication ? (length + 2) * 4 : (length + 1) * 8;
    next = bytes[offset] ?? 0;
    offset += size;
  }
  return { source, destination, protocol: next, ...transport(next, bytes.subarray(offset)) };
}

function isExtension(next: number): boolean {
  return (
    next === protocol.hopByHop ||
    next === protocol.routing ||
    next === protocol.options ||
    next === protocol.authentication
  );
}

function transport(number: number, bytes: Uint8Array): Pick<IpPacket, "sourcePort" | "destinationPort" | "icmp"> {
  if (withPorts.has(number) && bytes.length >= 4) {
    return { sourcePort: getU16be(bytes, 0), destinationPort: getU16be(bytes, 2) };
  }
  const isIcmp = number === protocol.icmp || number === protocol.icmpv6;
  return isIcmp && bytes.length >= 2 ? { icmp: { type: bytes[0] ?? 0, code: bytes[1] ?? 0 } } : {};
}
