/**
 * Router advertisements of one interface (RFC 4861 §4.2), by which two routers on a link learn each other's link-local
 * address. Ours say that we are no default router and configure nothing.
 */
import { closeSync, readFileSync } from "node:fs";
import { type Address, addressFromBytes, isLinkLocal } from "../address.ts";
import { openSocket, receiveFrom, sendTo, setSocketOption, socketDomain, socketType } from "./libc.ts";

/** linux/in6.h, linux/icmpv6.h, asm-generic/socket.h */
const icmpv6 = 58;
const levels = { socket: 1, ipv6: 41, icmpv6: 58 } as const;
const bindToDevice = 25;
const multicastHops = 18;
const multicastInterface = 17;
/** IPV6_MINHOPCOUNT: RFC 4861 §6.1.2, what came through a router is not believed. */
const minHopCount = 73;
const icmpv6Filter = 1;

const routerAdvertisementType = 134;
const fullHopLimit = 255;
const datagramBytesMax = 1500;

export interface NeighborDiscovery extends Disposable {
  /** Tells all nodes of the link that we are a router: a hop limit of 64, a lifetime of zero, no option. */
  advertise(): void;
  /** Link-local addresses whose advertisements arrived since the last call, without our own. */
  heard(): Address[];
}

/** Throws a `KernelError` where there is no such interface, or no right to raw sockets. */
export function openNeighborDiscovery(name: string): NeighborDiscovery {
  const index = interfaceIndex(name);
  const fd = openSocket(socketDomain.inet6, socketType.raw | socketType.nonBlocking | socketType.closeOnExec, icmpv6);
  try {
    setSocketOption(fd, levels.socket, bindToDevice, Buffer.from(`${name}\0`));
    setSocketOption(fd, levels.ipv6, multicastInterface, index);
    setSocketOption(fd, levels.ipv6, multicastHops, fullHopLimit);
    setSocketOption(fd, levels.ipv6, minHopCount, fullHopLimit);
    setSocketOption(fd, levels.icmpv6, icmpv6Filter, onlyAdvertisements());
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return {
    advertise: () =>
      sendTo(fd, Uint8Array.of(routerAdvertisementType, 0, 0, 0, 64, ...new Uint8Array(11)), allNodes(index)),
    heard: () => sourcesOf(fd, name),
    [Symbol.dispose]: () => closeSync(fd),
  };
}

function sourcesOf(fd: number, name: string): Address[] {
  const own = ownAddresses(name);
  const sources: Address[] = [];
  for (let datagram = receiveFrom(fd, datagramBytesMax); datagram; datagram = receiveFrom(fd, datagramBytesMax)) {
    const { bytes, from } = datagram;
    const source = addressFromBytes(from.subarray(8, 24));
    // RFC 4861 §6.1.2: at least 16 bytes, code 0, from a link-local address. The kernel has seen to the checksum.
    const isValid = bytes.length >= 16 && bytes[0] === routerAdvertisementType && bytes[1] === 0;
    if (isValid && isLinkLocal(source) && !own.has(source.value)) sources.push(source);
  }
  return sources;
}

/** Also while the link is down, when libuv knows of none: what we send ourselves comes back from the kernel all the same. */
function ownAddresses(name: string): Set<bigint> {
  const lines = readFileSync("/proc/thread-self/net/if_inet6", "utf8").split("\n");
  const ofInterface = lines.filter((line) => line.endsWith(` ${name}`));
  return new Set(ofInterface.map((line) => BigInt(`0x${line.slice(0, 32)}`)));
}

/** struct icmp6_filter has a bit for each type that is not wanted. */
function onlyAdvertisements(): Uint8Array {
  const blocked = new Uint32Array(8).fill(0xffffffff);
  const word = routerAdvertisementType >> 5;
  blocked[word] = (blocked[word] ?? 0) & ~(1 << (routerAdvertisementType & 31));
  return new Uint8Array(blocked.buffer);
}

/** struct sockaddr_in6 of ff02::1 on the interface. */
function allNodes(index: number): Uint8Array {
  const name = new Uint8Array(28);
  new Uint16Array(name.buffer, 0, 1)[0] = socketDomain.inet6;
  name[8] = 0xff;
  name[9] = 0x02;
  name[23] = 1;
  new Uint32Array(name.buffer, 24, 1)[0] = index;
  return name;
}

/** Of the network namespace of this thread. */
function interfaceIndex(name: string): number {
  const line = readFileSync("/proc/thread-self/net/dev_snmp6/".concat(name), "utf8").split("\n")[0] ?? "";
  return Number(/^ifIndex\s+(\d+)/.exec(line)?.[1]);
}
