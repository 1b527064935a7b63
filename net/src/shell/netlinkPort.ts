/**
 * A raw netlink socket of the npm package `netlink`, with the options that make the kernel explain itself. The package
 * neither sets them nor tells its descriptor, so that we find the descriptor by the address that it is bound to.
 */
import assert from "node:assert/strict";
import { closeSync, openSync, readdirSync } from "node:fs";
// Not "netlink": that builds tables of every protocol that it knows, a quarter of the time that an agent takes to load.
import { RawNetlinkSocket } from "netlink/dist/raw.js";
import { getU16, getU32 } from "../netlink/bytes.ts";
import { getSocketName, getSocketOption, setSocketOption, socketDomain } from "./libc.ts";
import { insideNamespace, type NamespaceReference } from "./namespace.ts";
import { attachFilter, type FilterInstruction } from "./socketFilter.ts";

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
  /** What of these is not worth hearing. */
  readonly filter?: readonly FilterInstruction[];
  readonly namespace?: NamespaceReference;
}

/** asm-generic/socket.h and linux/netlink.h */
const solSocket = 1;
const soReceiveBufferForce = 33;
const soProtocol = 38;
const soMemoryInfo = 55;
const solNetlink = 270;
const netlinkNoEnobufs = 5;
const netlinkCapAck = 10;
const netlinkExtAck = 11;
const netlinkStrictCheck = 12;

/** SK_MEMINFO_DROPS, the last of nine 32-bit counters: how many messages did not fit into the receive buffer. */
const memoryInfoBytes = 36;
const dropsOffset = 32;

/** Room for some 8,000 notifications; of more, `onOverrun` tells. */
const receiveBufferBytes = 8 * 1024 * 1024;

interface RawSocket {
  readonly socket: RawNetlinkSocket;
  readonly fd: number;
}

export function openNetlinkPort(options: NetlinkPortOptions): NetlinkPort {
  const { namespace } = options;
  const raw = namespace === undefined ? openRaw(options) : insideNamespace(namespace, () => openRaw(options));
  const { socket, fd } = raw;
  const { port } = socket.address();
  let onOverrun = (): void => {};
  let drops = 0;
  let isOpen = true;
  // Messages are dropped when the buffer is full, so that there are always some to be read afterwards.
  const countDrops = (): void => {
    if (!isOpen) return;
    const now = getU32(getSocketOption(fd, solSocket, soMemoryInfo, memoryInfoBytes), dropsOffset);
    if (now !== drops) onOverrun();
    drops = now;
  };
  return {
    port,
    send: (datagram, onError) => socket.send(datagram, {}, (error) => error && onError(error)),
    onDatagram(listener) {
      socket.on("message", (datagram, sender) => {
        // First, so that nobody takes this for the whole answer when an earlier part of it is lost.
        countDrops();
        // Other processes may write to our address; only the kernel, which is port 0, is listened to.
        if (sender.port === 0 && isOpen) listener(datagram);
      });
    },
    onOverrun(listener) {
      onOverrun = listener;
    },
    onError: (listener) => void socket.on("error", listener),
    close() {
      isOpen = false;
      socket.close();
    },
  };
}

function openRaw({ protocol, groups = [], filter }: NetlinkPortOptions): RawSocket {
  const likely = lowestFreeDescriptor();
  const socket = new RawNetlinkSocket(protocol);
  try {
    const fd = findDescriptor(likely, { protocol, port: socket.address().port });
    for (const option of netlinkOptions) setSocketOption(fd, solNetlink, option, 1);
    setSocketOption(fd, solSocket, soReceiveBufferForce, receiveBufferBytes);
    if (filter) attachFilter(fd, filter);
    for (const group of groups) socket.addMembership(group);
    return { socket, fd };
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** With the first the kernel counts lost messages and reports no ENOBUFS, on which the package ends the process. */
const netlinkOptions = [netlinkNoEnobufs, netlinkCapAck, netlinkExtAck, netlinkStrictCheck];

/** What the next socket of this thread gets, unless another thread is quicker. */
function lowestFreeDescriptor(): number {
  const fd = openSync("/dev/null", "r");
  closeSync(fd);
  return fd;
}

/** The descriptor that is a netlink socket of this protocol bound to this port. */
function findDescriptor(likely: number, wanted: { protocol: number; port: number }): number {
  if (isBoundTo(likely, wanted)) return likely;
  const found = readdirSync("/proc/self/fd").map(Number);
  const fd = found.find((candidate) => isBoundTo(candidate, wanted));
  assert(fd !== undefined, "a netlink socket has a descriptor");
  return fd;
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
