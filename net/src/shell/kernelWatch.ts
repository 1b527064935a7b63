/** Notifications of the kernel about links, addresses, routes and neighbours, on a socket of their own. */
import { decodeAddress, isAddressDeletion, isAddressMessage, type KernelAddress } from "../netlink/interfaceAddress.ts";
import { decodeLinkName, isLinkDeletion, isLinkMessage } from "../netlink/link.ts";
import { decodeMessages, type NetlinkMessage } from "../netlink/message.ts";
import { decodeNeighbour, isNeighbourDeletion, isNeighbourMessage, type Neighbour } from "../netlink/neighbour.ts";
import { decodeRoute, isRouteDeletion, isRouteMessage, type Route } from "../netlink/route.ts";
import { linksExcept } from "./linkFilters.ts";
import type { NamespaceReference } from "./namespace.ts";
import { type NetlinkPort, openNetlinkPort } from "./netlinkPort.ts";

export type WatchedKind = "link" | "address" | "route" | "neighbour";

export type KernelEvent =
  /** What an interface is, is asked for where it matters. */
  | { readonly type: "link"; readonly change: "set" | "deleted"; readonly name: string }
  | { readonly type: "address"; readonly change: "set" | "deleted"; readonly address: KernelAddress }
  | { readonly type: "route"; readonly change: "set" | "deleted"; readonly route: Route }
  | { readonly type: "neighbour"; readonly change: "set" | "deleted"; readonly neighbour: Neighbour }
  /** Notifications were lost: list everything again. */
  | { readonly type: "resync" }
  /** The watch is over; nothing comes any more. */
  | { readonly type: "closed"; readonly error: Error };

export interface Watch extends Disposable {
  close(): void;
}

/** RTNLGRP_* */
const groupsOf: Readonly<Record<WatchedKind, readonly number[]>> = {
  link: [1],
  neighbour: [3],
  address: [5, 9],
  route: [7, 11],
};

/** What is left out: links whose names begin so, with four characters. */
export interface WatchExceptions {
  readonly linksCalled?: string;
}

export interface WatchOptions extends WatchExceptions {
  readonly namespace?: NamespaceReference;
  readonly listener: (event: KernelEvent) => void;
}

export function watchKernel(kinds: readonly WatchedKind[], { namespace, linksCalled, listener }: WatchOptions): Watch {
  const groups = kinds.flatMap((kind) => groupsOf[kind]);
  const port = openNetlinkPort({
    protocol: 0,
    groups,
    ...(linksCalled !== undefined && { filter: linksExcept(linksCalled) }),
    ...(namespace !== undefined && { namespace }),
  });
  return watchPort(port, listener);
}

/** The same over any port. */
export function watchPort(port: NetlinkPort, listener: (event: KernelEvent) => void): Watch {
  let isOpen = true;
  port.onDatagram((datagram) => {
    const messages = decodeMessages(datagram);
    if (!messages) return listener({ type: "resync" });
    for (const message of messages) {
      const event = decodeEvent(message);
      if (event && isOpen) listener(event);
    }
  });
  port.onOverrun(() => isOpen && listener({ type: "resync" }));
  port.onError((error) => isOpen && listener({ type: "closed", error }));
  const close = (): void => {
    if (isOpen) port.close();
    isOpen = false;
  };
  return { close, [Symbol.dispose]: close };
}

/** `null` for what was not asked for or is of another family. */
export function decodeEvent(message: NetlinkMessage): KernelEvent | null {
  const { type } = message;
  if (isLinkMessage(type)) {
    const name = decodeLinkName(message);
    return name === null ? null : { type: "link", change: isLinkDeletion(type) ? "deleted" : "set", name };
  }
  if (isAddressMessage(type)) {
    const address = decodeAddress(message);
    return address && { type: "address", change: isAddressDeletion(type) ? "deleted" : "set", address };
  }
  if (isRouteMessage(type)) {
    const route = decodeRoute(message);
    return route && { type: "route", change: isRouteDeletion(type) ? "deleted" : "set", route };
  }
  if (isNeighbourMessage(type)) {
    const neighbour = decodeNeighbour(message);
    return neighbour && { type: "neighbour", change: isNeighbourDeletion(type) ? "deleted" : "set", neighbour };
  }
  return null;
}
