/**
 * Room for many sets, made before they are. The kernel has places for 256 sets of a namespace and, whenever all are taken, makes 64
 * more: it then waits until each packet under way has left the former table (ip_set_create, synchronize_net), some ten milliseconds
 * in which the thread that asked stands still. Places are never taken back, so whoever knows of many sets to come makes as many
 * empty ones on a thread of libuv's pool, and destroys them.
 */
import { createSet, destroySet } from "../ipset/message.ts";
import { encodeMessages, messageFlag, type NetlinkRequest } from "../netlink/message.ts";
import { closeSocket, openSocket, sendAside, socketDomain, socketType } from "./libc.ts";
import { insideNamespace, type NamespaceReference } from "./namespace.ts";

/** A datagram of these is a fourth of what fits into the send buffer. Each waits for a turn of the loop, which may be busy. */
const setsPerDatagram = 512;
/** The fewest buckets that the kernel makes. */
const hashSize = 64;

/**
 * Sets named `prefix` and a number come and go, all at once in the end: no set of anybody else's may be named so. What the kernel
 * refuses is not told, since it is the same with the sets that are to come. One that somebody lists in that moment stays, empty.
 */
export async function makeSetRoom(
  { prefix, sets }: { readonly prefix: string; readonly sets: number },
  { protocol, namespace }: { readonly protocol: number; readonly namespace?: NamespaceReference },
): Promise<void> {
  const open = () => openSocket(socketDomain.netlink, socketType.raw | socketType.closeOnExec, protocol);
  const fd = namespace === undefined ? open() : insideNamespace(namespace, open);
  const names = Array.from({ length: sets }, (_, index) => `${prefix}${index}`);
  try {
    for (const request of [create, destroySet]) {
      for (let at = 0; at < sets; at += setsPerDatagram) {
        await sendAside(fd, datagramOf(names.slice(at, at + setsPerDatagram).map(request)));
      }
    }
  } finally {
    closeSocket(fd);
  }
}

function create(name: string): NetlinkRequest {
  return createSet({ name, type: "hash:net", family: 4, hashSize });
}

function datagramOf(requests: readonly NetlinkRequest[]): Uint8Array {
  return encodeMessages(
    requests.map((request, index) => ({
      ...request,
      flags: request.flags | messageFlag.request,
      sequence: index + 1,
      port: 0,
    })),
  );
}
