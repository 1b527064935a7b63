/**
 * Sockets of peers that want more than Node can set. This file alone reaches the foreign function interface, so it is
 * loaded when a configuration needs it: see `socketOptions.ts`.
 */
import { closeSync } from "node:fs";
import { type Server, Socket } from "node:net";
import { type Address, isKernelError, parseAddress } from "@brindle/net";
import {
  descriptorOf,
  firstHopLimit,
  keepFirstPackets,
  openTcpListener,
  openTcpSocket,
  type PasswordRange,
  setHopLimit,
  setHopLimitMin,
  setTcpPassword,
} from "@brindle/net/shell";
import { hopLimitFull, hopLimitMinOf, type PeerSocketNeeds } from "./peerSocketNeeds.ts";

/** Passwords of a listening socket, by range. */
export type PasswordSet = ReadonlyMap<string, { readonly range: PasswordRange; readonly password: string }>;

/** Not connected yet. */
export function socketFor({ password, hops, range }: PeerSocketNeeds): Socket {
  const { family } = range.address;
  const fd = openTcpSocket(family);
  try {
    if (password !== undefined) setTcpPassword(fd, range, password);
    if (hops !== undefined) {
      setHopLimit(fd, family, hopLimitFull);
      setHopLimitMin(fd, family, hopLimitMinOf(hops));
    }
    return new Socket({ fd });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * What came through a listener that others use too. The signature is the listener's affair: the kernel copies its keys.
 * `false` for a connection that was begun from further away than the peer may be: what it brought along by now came
 * before any bound was set, and must not be believed (RFC 5082 §3).
 */
export function tuneAccepted(socket: Socket, { hops, range }: PeerSocketNeeds): boolean {
  if (hops === undefined) return true;
  const fd = descriptorOf(socket);
  const left = firstHopLimit(fd);
  if (left === null || left < hopLimitMinOf(hops)) return false;
  setHopLimit(fd, range.address.family, hopLimitFull);
  setHopLimitMin(fd, range.address.family, hopLimitMinOf(hops));
  return true;
}

/** A bound descriptor whose passwords and hop limit stand before anyone can connect. */
export function listenerFor(address: Address, port: number, needs: readonly PeerSocketNeeds[]): ListenerSockets {
  let keys: KeyChange = { set: new Map(), unset: [] };
  const fd = openTcpListener(address, port, (opened) => {
    keys = tune(opened, address, needs, new Map());
  });
  return { fd, ...keys };
}

/** The same for one that listens already and has these passwords. */
export function tuneListener(server: Server, needs: readonly PeerSocketNeeds[], present: PasswordSet): KeyChange {
  const bound = server.address();
  const address = typeof bound === "object" && bound ? parseAddress(bound.address) : null;
  if (!address) return { set: present, unset: [] };
  return tune(descriptorOf(server), address, needs, present);
}

export interface KeyChange {
  readonly set: PasswordSet;
  /** Peers for whose passwords the kernel has no room on this socket. */
  readonly unset: readonly PeerSocketNeeds[];
}

export interface ListenerSockets extends KeyChange {
  readonly fd: number;
}

function tune(fd: number, { family }: Address, all: readonly PeerSocketNeeds[], present: PasswordSet): KeyChange {
  const needs = all.filter(({ range }) => range.address.family === family);
  // The answer to a SYN is the listener's own. Whoever does not ask for it is not hurt by the longer reach.
  if (needs.some(({ hops }) => hops !== undefined)) {
    setHopLimit(fd, family, hopLimitFull);
    keepFirstPackets(fd);
  }
  return setPasswords(fd, needs, present);
}

/** Old keys go first, since there is room for some 150 in an older kernel's default of net.core.optmem_max. */
function setPasswords(fd: number, needs: readonly PeerSocketNeeds[], present: PasswordSet): KeyChange {
  const wanted = new Map(needs.flatMap((need) => (need.password === undefined ? [] : [[need.key, need] as const])));
  const set = new Map(present);
  for (const [key, { range }] of present) {
    if (wanted.has(key)) continue;
    setTcpPassword(fd, range, null);
    set.delete(key);
  }
  const unset: PeerSocketNeeds[] = [];
  for (const [key, need] of wanted) {
    const { range, password = "" } = need;
    if (set.get(key)?.password === password) continue;
    if (trySetPassword(fd, range, password)) set.set(key, { range, password });
    else unset.push(need);
  }
  return { set, unset };
}

/** `false` where the kernel has no memory for another key on this socket. */
function trySetPassword(fd: number, range: PasswordRange, password: string): boolean {
  try {
    setTcpPassword(fd, range, password);
    return true;
  } catch (error) {
    if (isKernelError(error, "NO_RESOURCES")) return false;
    throw error;
  }
}
