/** The kernel's links, addresses, routes and neighbours of one network namespace, by typed calls. */
import { type Address, type Family, formatAddress } from "../address.ts";
import { isKernelError, KernelError } from "../kernelError.ts";
import {
  decodeAddress,
  type InterfaceAddress,
  type KernelAddress,
  listAddresses,
} from "../netlink/interfaceAddress.ts";
import {
  decodeLink,
  getLink,
  type Link,
  type LinkReference,
  type LinkSettings,
  listLinks,
  type NewLink,
} from "../netlink/link.ts";
import type { NetlinkMessage, NetlinkRequest } from "../netlink/message.ts";
import {
  decodeForwardingEntry,
  decodeNeighbour,
  type ForwardingEntry,
  listForwardingEntries,
  listNeighbours,
  type Neighbour,
} from "../netlink/neighbour.ts";
import { decodeQdisc, listQdiscs, type Qdisc } from "../netlink/qdisc.ts";
import { decodeIngressFilter, type IngressFilter, listIngressFilters } from "../netlink/redirect.ts";
import { describeChange, encodeChange, type KernelChange } from "../netlink/request.ts";
import {
  decodeLookup,
  decodeRoute,
  listRoutes,
  lookupRoute,
  type NewRoute,
  type Route,
  type RouteFilter,
  type RouteLookup,
} from "../netlink/route.ts";
import { decodeRule, listRules, type SourceRule } from "../netlink/rule.ts";
import { type KernelEvent, type Watch, type WatchExceptions, type WatchedKind, watchKernel } from "./kernelWatch.ts";
import { type NamespaceReference, type OpenNamespace, openNamespace, warmThreadPool } from "./namespace.ts";
import type { NamedRequest } from "./netlinkExchange.ts";
import { openNetlinkPort } from "./netlinkPort.ts";
import { NetlinkSocket } from "./netlinkSocket.ts";

export type ChangeOutcome = { readonly kind: "done" } | { readonly kind: "failed"; readonly error: KernelError };

export interface RouteSocketOptions {
  /** The thread's own namespace when left out. */
  readonly namespace?: NamespaceReference;
  readonly timeoutMs?: number;
}

const routeProtocolFamily = 0; // NETLINK_ROUTE

/** Opens a socket inside a namespace; it stays there. */
export async function openRouteSocket(options: RouteSocketOptions = {}): Promise<RouteSocket> {
  await warmThreadPool();
  // Held open since a watch may be opened much later, when the path has gone.
  const namespace = openNamespace(pathOf(options.namespace));
  try {
    const port = openNetlinkPort({ protocol: routeProtocolFamily, namespace: namespace.fd });
    return new RouteSocket(new NetlinkSocket(port, options), namespace);
  } catch (error) {
    namespace.close();
    throw error;
  }
}

export class RouteSocket implements Disposable {
  readonly #socket: NetlinkSocket;
  readonly #namespace: OpenNamespace;
  readonly #watches = new Set<Watch>();

  constructor(socket: NetlinkSocket, namespace: OpenNamespace) {
    this.#socket = socket;
    this.#namespace = namespace;
  }

  async links(): Promise<Link[]> {
    return this.#list("list links", listLinks(), decodeLink);
  }

  /** `null` when there is none. */
  async link(reference: string | number): Promise<Link | null> {
    const object = `get link ${reference}`;
    try {
      const replies = await this.#socket.request({ ...getLink(linkReference(reference)), object });
      return requireReply(replies, decodeLink, object);
    } catch (error) {
      if (isKernelError(error, "NOT_FOUND")) return null;
      throw error;
    }
  }

  async addresses(filter: { family?: Family; interfaceIndex?: number } = {}): Promise<KernelAddress[]> {
    const { family, interfaceIndex } = filter;
    const addresses = await this.#list("list addresses", listAddresses(family), decodeAddress);
    return addresses.filter((one) => interfaceIndex === undefined || one.interfaceIndex === interfaceIndex);
  }

  async routes(filter: RouteFilter = {}): Promise<Route[]> {
    return this.#list("list routes", listRoutes(filter), decodeRoute);
  }

  /** Those that choose by a packet's source. */
  async sourceRules(family: Family): Promise<SourceRule[]> {
    return this.#list("list rules", listRules(family), decodeRule);
  }

  async neighbours(filter: { family?: Family; proxy?: boolean } = {}): Promise<Neighbour[]> {
    return this.#list("list neighbours", listNeighbours(filter), decodeNeighbour);
  }

  async forwardingEntries(): Promise<ForwardingEntry[]> {
    return this.#list("list forwarding entries", listForwardingEntries(), decodeForwardingEntry);
  }

  /** Those at the root of interfaces, and for what comes in. */
  async qdiscs(): Promise<Qdisc[]> {
    return this.#list("list qdiscs", listQdiscs(), decodeQdisc);
  }

  /** Of what comes in by an interface. */
  async ingressFilters(interfaceIndex: number): Promise<IngressFilter[]> {
    return this.#list("list filters", listIngressFilters(interfaceIndex), decodeIngressFilter);
  }

  /** Which way the kernel would send a packet; it fails with UNREACHABLE when it has none. */
  async routeTo(destination: Address): Promise<RouteLookup> {
    const object = `route to ${formatAddress(destination)}`;
    const replies = await this.#socket.request({ ...lookupRoute(destination), object });
    return requireReply(replies, decodeLookup, object);
  }

  createLink(link: NewLink): Promise<void> {
    return this.change({ op: "createLink", link });
  }

  setLink(link: LinkReference, settings: LinkSettings): Promise<void> {
    return this.change({ op: "setLink", link, settings });
  }

  deleteLink(link: LinkReference): Promise<void> {
    return this.change({ op: "deleteLink", link });
  }

  deleteLinkGroup(group: number): Promise<void> {
    return this.change({ op: "deleteLinkGroup", group });
  }

  addAddress(address: InterfaceAddress): Promise<void> {
    return this.change({ op: "addAddress", address });
  }

  replaceAddress(address: InterfaceAddress): Promise<void> {
    return this.change({ op: "replaceAddress", address });
  }

  deleteAddress(address: InterfaceAddress): Promise<void> {
    return this.change({ op: "deleteAddress", address });
  }

  addRoute(route: NewRoute): Promise<void> {
    return this.change({ op: "addRoute", route });
  }

  replaceRoute(route: NewRoute): Promise<void> {
    return this.change({ op: "replaceRoute", route });
  }

  deleteRoute(route: NewRoute): Promise<void> {
    return this.change({ op: "deleteRoute", route });
  }

  addNeighbour(neighbour: Neighbour): Promise<void> {
    return this.change({ op: "addNeighbour", neighbour });
  }

  replaceNeighbour(neighbour: Neighbour): Promise<void> {
    return this.change({ op: "replaceNeighbour", neighbour });
  }

  deleteNeighbour(neighbour: Neighbour): Promise<void> {
    return this.change({ op: "deleteNeighbour", neighbour });
  }

  async change(change: KernelChange): Promise<void> {
    await this.#socket.request(new ChangeRequest(change));
  }

  /** Makes the changes in their order, many at a time; each has its own outcome, in the same order. */
  async apply(changes: readonly KernelChange[]): Promise<ChangeOutcome[]> {
    return this.#socket.apply(encodeAll(changes));
  }

  /**
   * Tells what changes from now on. Subscribe first and list afterwards: then nothing is missed. After `resync` all
   * has to be listed again, since the kernel had more to tell than there was room for.
   */
  watch(kinds: readonly WatchedKind[], listener: (event: KernelEvent) => void, except: WatchExceptions = {}): Watch {
    const watch = watchKernel(kinds, { namespace: this.#namespace.fd, listener, ...except });
    const close = (): void => {
      watch.close();
      this.#watches.delete(watch);
    };
    this.#watches.add(watch);
    return { close, [Symbol.dispose]: close };
  }

  close(): void {
    for (const watch of this.#watches) watch.close();
    this.#socket.close();
    this.#namespace.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #list<T>(object: string, request: NetlinkRequest, decode: Decode<T>): Promise<T[]> {
    const replies = await this.#socket.dump({ ...request, object });
    // What a decoder refuses is of another family (MPLS, bridges) and nothing of ours.
    return replies.map(decode).filter((value) => value !== null);
  }
}

function* encodeAll(changes: readonly KernelChange[]): Generator<NamedRequest> {
  for (const change of changes) yield new ChangeRequest(change);
}

/** A change on its way. Its words are put together only when the kernel refuses it, which is seldom. */
class ChangeRequest implements NamedRequest {
  readonly type: number;
  readonly flags: number;
  readonly body: Uint8Array;
  readonly #change: KernelChange;

  constructor(change: KernelChange) {
    ({ type: this.type, flags: this.flags, body: this.body } = encodeChange(change));
    this.#change = change;
  }

  get object(): string {
    return describeChange(this.#change);
  }
}

type Decode<T> = (message: NetlinkMessage) => T | null;

function requireReply<T>(replies: readonly NetlinkMessage[], decode: Decode<T>, object: string): T {
  const value = replies[0] && decode(replies[0]);
  if (!value) throw new KernelError({ code: "MALFORMED", object });
  return value;
}

function linkReference(reference: string | number): LinkReference {
  return typeof reference === "number" ? { index: reference } : { name: reference };
}

/** Of a descriptor too: the copy is closed with the socket, and the caller's stays the caller's. */
function pathOf(reference: NamespaceReference = "/proc/thread-self/ns/net"): string {
  return typeof reference === "number" ? `/proc/self/fd/${reference}` : reference;
}
