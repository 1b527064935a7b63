/** A packet as policy sees it: the first of a flow, routed, after any address translation. */
import { type Address, formatAddress } from "@brindle/net";

export interface Packet {
  readonly source: Address;
  readonly destination: Address;
  /** The number of IANA's registry: 6 is TCP. */
  readonly protocol: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmp?: { readonly type: number; readonly code: number };
}

/** The protocols that rules may name; Calico's names, compared without case. */
export const protocolNumbers: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  icmpv6: 58,
  sctp: 132,
  udplite: 136,
};

/** `null` for a name that is not known or a number out of range. */
export function protocolNumber(protocol: string | number): number | null {
  const known = asWritten.get(protocol) ?? protocolNumbers[String(protocol).toLowerCase()];
  if (known !== undefined) return known;
  const number = Number(protocol);
  return Number.isInteger(number) && number >= 1 && number <= 255 ? number : null;
}

/** A cluster's rules ask a hundred thousand times. */
const asWritten: ReadonlyMap<unknown, number> = new Map(
  Object.entries({ ICMP: 1, TCP: 6, UDP: 17, ICMPv6: 58, SCTP: 132, UDPLite: 136 }),
);

export function protocolName(number: number): string {
  return Object.keys(protocolNumbers).find((name) => protocolNumbers[name] === number) ?? `protocol ${number}`;
}

export function isIcmp(protocol: number): boolean {
  return protocol === protocolNumbers.icmp || protocol === protocolNumbers.icmpv6;
}

export function describePacket(packet: Packet): string {
  const name = protocolName(packet.protocol);
  const icmp = packet.icmp ? ` type ${packet.icmp.type} code ${packet.icmp.code}` : "";
  const port = packet.destinationPort === undefined ? "" : ` port ${packet.destinationPort}`;
  return `${name}${icmp} from ${formatAddress(packet.source)} to ${formatAddress(packet.destination)}${port}`;
}
