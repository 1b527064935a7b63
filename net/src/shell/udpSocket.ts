/**
 * UDP sockets whose packets must come from as many hops away as they say (RFC 5881 §5): dgram shows no hop limit, and
 * IP_MINTTL, IPV6_MINHOPCOUNT are for TCP alone. A classic packet filter looks at the header before the socket has the
 * packet. What is received, Node reads (`bind({ fd })`); what is sent goes to the kernel at once, without its queue.
 */
import { type Address, type Family, parseAddress } from "../address.ts";
import { bindSocket, closeSocket, openSocket, sendTo, setSocketOption, socketDomain, socketType } from "./libc.ts";
import { attachFilter, type FilterInstruction, filterCode } from "./socketFilter.ts";
import { socketName } from "./socketName.ts";
import { setHopLimit } from "./tcpSocket.ts";

/** linux/in6.h */
const levelIpv6 = 41;
const ipv6Only = 26;

export interface UdpSocketOptions {
  /** Of packets that leave. */
  readonly hopLimit: number;
  /** Of packets that arrive: exactly this one, whatever it is, or none at all. */
  readonly accepts: number | "any" | "nothing";
}

/** Bound, not blocking, of one family alone. Its owner gives it to `dgram`, or closes it. */
export function openUdpSocket(address: Address, port: number, { hopLimit, accepts }: UdpSocketOptions): number {
  const { family } = address;
  const { datagram, nonBlocking, closeOnExec } = socketType;
  const domain = family === 4 ? socketDomain.inet : socketDomain.inet6;
  const fd = openSocket(domain, datagram | nonBlocking | closeOnExec);
  try {
    if (family === 6) setSocketOption(fd, levelIpv6, ipv6Only, 1);
    if (accepts !== "any") attachFilter(fd, accepts === "nothing" ? acceptNothing : acceptHopLimit(family, accepts));
    setHopLimit(fd, family, hopLimit);
    bindSocket(fd, socketName(address, port));
    return fd;
  } catch (error) {
    closeSocket(fd);
    throw error;
  }
}

/** `scope` is the index of the link of a link-local address. */
export interface UdpDestination {
  readonly address: Address;
  readonly port: number;
  readonly scope?: number;
}

/** The struct sockaddr of a destination, made once for many packets. */
export function udpDestination({ address, port, scope = 0 }: UdpDestination): Uint8Array {
  const name = socketName(address, port);
  if (address.family === 6) new Uint32Array(name.buffer, 24, 1)[0] = scope;
  return name;
}

/** To a `udpDestination`. Throws a `KernelError` where there is no way, no room, or a packet filter in between. */
export function sendDatagram(fd: number, bytes: Uint8Array, destination: Uint8Array): void {
  sendTo(fd, bytes, destination);
}

export const anyAddress: Readonly<Record<Family, Address>> = {
  4: parseAddress("0.0.0.0") as Address,
  6: parseAddress("::") as Address,
};

/** SKF_NET_OFF: from here on offsets count from the network header, which the socket itself does not see. */
const networkHeader = 0xfff00000;
const wholePacket = 0xffff;

const acceptNothing: readonly FilterInstruction[] = [{ code: filterCode.answer, value: 0 }];

/** The TTL is byte 8 of IPv4's header, the hop limit byte 7 of IPv6's. */
function acceptHopLimit(family: Family, hopLimit: number): readonly FilterInstruction[] {
  return [
    { code: filterCode.loadByte, value: networkHeader + (family === 4 ? 8 : 7) },
    { code: filterCode.jumpIfEqual, ifTrue: 0, ifFalse: 1, value: hopLimit },
    { code: filterCode.answer, value: wholePacket },
    { code: filterCode.answer, value: 0 },
  ];
}
