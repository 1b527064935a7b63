/**
 * TCP sockets with what Node cannot set: signatures (RFC 2385, TCP_MD5SIG of linux/tcp.h) and hop limits (RFC 5082).
 * Most of it must stand before the first packet, so a socket is made here and handed over by its descriptor.
 */
import { closeSync } from "node:fs";
import { type Address, addressBits, type Family } from "../address.ts";
import { bindSocket, getSocketOption, openSocket, setSocketOption, socketDomain, socketType } from "./libc.ts";
import { socketName } from "./socketName.ts";

/** linux/in.h, linux/in6.h, linux/tcp.h, asm-generic/socket.h */
const levels = { socket: 1, ip: 0, tcp: 6, ipv6: 41 } as const;
const reuseAddress = 2;
const ipv6Only = 26;
const tcpMd5Sig = 14;
const tcpMd5SigExtended = 32;
const saveSyn = 27;
const savedSyn = 28;
const hopLimitOptions = {
  4: { level: levels.ip, own: 2, min: 21 }, // IP_TTL, IP_MINTTL
  6: { level: levels.ipv6, own: 16, min: 73 }, // IPV6_UNICAST_HOPS, IPV6_MINHOPCOUNT
} as const;

/** The longest password that the kernel takes, in bytes (TCP_MD5SIG_MAXKEYLEN). */
export const tcpPasswordBytesMax = 80;

/** Not blocking, closed on exec, unbound. Its owner gives it to Node (`new Socket({ fd })`) or closes it. */
export function openTcpSocket(family: Family): number {
  const { stream, nonBlocking, closeOnExec } = socketType;
  return openSocket(family === 4 ? socketDomain.inet : socketDomain.inet6, stream | nonBlocking | closeOnExec);
}

/** A bound socket for a server of one family alone; `prepare` sets what must stand before anyone can connect. */
export function openTcpListener(address: Address, port: number, prepare: (fd: number) => void): number {
  const fd = openTcpSocket(address.family);
  try {
    setSocketOption(fd, levels.socket, reuseAddress, 1);
    if (address.family === 6) setSocketOption(fd, levels.ipv6, ipv6Only, 1);
    prepare(fd);
    bindSocket(fd, socketName(address, port));
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * From now on segments to and from these addresses bear a signature, and others are dropped without a word. On a
 * listening socket it concerns connections that come, on another its own. `null` takes the password away.
 */
export function setTcpPassword(fd: number, range: PasswordRange, password: string | null): void {
  const key = Buffer.from(password ?? "", "utf8");
  if (password === "" || key.length > tcpPasswordBytesMax) throw new RangeError("a password has 1 to 80 bytes");
  const isWhole = range.length === addressBits[range.address.family];
  const value = new Uint8Array(216); // struct tcp_md5sig
  value.set(socketName(range.address, 0));
  value[128] = isWhole ? 0 : 1; // TCP_MD5SIG_FLAG_PREFIX
  value[129] = isWhole ? 0 : range.length;
  new Uint16Array(value.buffer, 130, 1)[0] = key.length; // In the machine's byte order.
  value.set(key, 136);
  setSocketOption(fd, levels.tcp, isWhole ? tcpMd5Sig : tcpMd5SigExtended, value);
  value.fill(0);
}

export interface PasswordRange {
  readonly address: Address;
  /** In bits. */
  readonly length: number;
}

/** The hop limit (TTL) of packets that leave. */
export function setHopLimit(fd: number, family: Family, hops: number): void {
  const { level, own } = hopLimitOptions[family];
  setSocketOption(fd, level, own, hops);
}

/** Packets that arrive with a lower hop limit are dropped. */
export function setHopLimitMin(fd: number, family: Family, hops: number): void {
  const { level, min } = hopLimitOptions[family];
  setSocketOption(fd, level, min, hops);
}

/** From now on connections that come to this listening socket remember the packet by which they began. */
export function keepFirstPackets(fd: number): void {
  setSocketOption(fd, levels.tcp, saveSyn, 1);
}

/**
 * The hop limit that the packet had left by which an accepted connection began: what came meanwhile is older than any
 * `setHopLimitMin`. `null` where it is not known, as of a connection that was made in a flood (SYN cookies). Once only.
 */
export function firstHopLimit(fd: number): number | null {
  const packet = getSocketOption(fd, levels.tcp, savedSyn, 256);
  const version = (packet[0] ?? 0) >> 4;
  const at = version === 4 ? 8 : 7; // TTL of RFC 791 §3.1, hop limit of RFC 8200 §3.
  return version === 4 || version === 6 ? (packet[at] ?? null) : null;
}

/** Of a `Server` that listens or a `Socket` that has been accepted. Node has no documented way to it. */
export function descriptorOf(owner: object): number {
  const handle: unknown = "_handle" in owner ? owner._handle : null;
  const fd = typeof handle === "object" && handle !== null && "fd" in handle ? handle.fd : -1;
  if (typeof fd !== "number" || fd < 0) throw new TypeError("this socket has no descriptor any more");
  return fd;
}
