/**
 * A raw netlink socket of the npm package `netlink`, with the options that make the kernel explain itself. The package
 * neither sets them nor tells its descriptor, so that we find the descriptor among the process's own by its address.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { RawNetlinkSocket } from "netlink";
import { getU16, getU32 } from "../netlink/bytes.ts";
import { getSocketName, getSocketOption, setSocketOption, socketDomain } from "./libc.ts";
import { insideNamespace, type NamespaceReference } from "./namespace.ts";

/** What `NetlinkSocket` needs of a socket; tests put in their own. */
export interface NetlinkPort {
  /** Our address: replies to us carry it. */
  readonly port: number;
  send(datagram: Uint8Array, onError: (error: Error) => void): void;
  onDatagram(listener: (datagram: Uint8Array) => void): void;
  /** The receive buffer overflowed: messages are lost. */
  onOverrun(listener: () => void): void;
  onError(listener: (error: Error) => void): void;
  close(): void;
}

export interface NetlinkPortOptions {
  /** NETLINK_ROUTE is 0, NETLINK_NETFILTER 12. */
  readonly protocol: number;
  /** Multicast groups to hear. */
  readonly groups?: readonly number[];
  readonly namespace?: NamespaceReference;
}

/** asm-generic/socket.h and linux/netlink.h */
const solSocket = 1;
const soProtocol = 38;
const soReceiveBufferForce = 33;
const solNetlink = 270;
const netlinkCapAck = 10;
const netlinkExtAck = 11;
const netlinkStrictCheck = 12;

/** A burst of 500,000 route notifications would still not fit; that is what `onOverrun` is for. */
const receiveBufferBytes = 8 * 1024 * 1024;
const enobufs = 105;

export function openNetlinkPort(options: NetlinkPortOptions): NetlinkPort {
  const { namespace } = options;
  const socket = namespace === undefined ? openRaw(options) : insideNamespace(namespace, () => openRaw(options));
  const { port } = socket.address();
  return {
    port,
    send: (datagram, onError) => socket.send(datagram, {}, (error) => error && onError(error)),
    // Other processes may write to our address; only the kernel, which is port 0, is listened to.
    onDatagram: (listener) => socket.on("message", (datagram, sender) => sender.port === 0 && listener(datagram)),
    onOverrun: (listener) => socket.on("error", (error) => Math.abs(error.errno) === enobufs && listener()),
    onError: (listener) => socket.on("error", (error) => Math.abs(error.errno) !== enobufs && listener(error)),
    close: () => socket.close(),
  };
}

function openRaw({ protocol, groups = [] }: NetlinkPortOptions): RawNetlinkSocket {
  const socket = new RawNetlinkSocket(protocol);
  try {
    for (const fd of descriptorsOf({ protocol, port: socket.address().port })) explainErrors(fd);
    for (const group of groups) socket.addMembership(group);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

function explainErrors(fd: number): void {
  for (const option of [netlinkCapAck, netlinkExtAck, netlinkStrictCheck]) setSocketOption(fd, solNetlink, option, 1);
  setSocketOption(fd, solSocket, soReceiveBufferForce, receiveBufferBytes);
}

/**
 * Our descriptors that are netlink sockets of this protocol bound to this port. Usually one: sockets of another thread
 * in another namespace may have the same port, and are no worse for having the same options set twice.
 */
function descriptorsOf(wanted: { protocol: number; port: number }): number[] {
  const found = readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => isBoundTo(fd, wanted));
  assert(found.length > 0, "a netlink socket has a descriptor");
  return found;
}

function isBoundTo(fd: number, { protocol, port }: { protocol: number; port: number }): boolean {
  try {
    const name = getSocketName(fd); // struct sockaddr_nl: family, padding, port, groups.
    if (name.length < 12 || getU16(name, 0) !== socketDomain.netlink) return false;
    return getU32(name, 4) === port && getU32(getSocketOption(fd, solSocket, soProtocol, 4), 0) === protocol;
  } catch {
    return false; // Not a socket, or the descriptor of the directory that was just read.
  }
}
