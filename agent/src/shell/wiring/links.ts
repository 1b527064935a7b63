/**
 * Wires containers to the node and unwires them: the `links` port of the CNI plugin, over the kernel. What it makes
 * follows from the request alone (`wiring/plan.ts`), each step can be repeated, and a failure leaves nothing behind.
 */
import { fstatSync, statfsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import {
  type Attachment,
  CniError,
  KeyedQueue,
  type LinkCheck,
  type Links as LinksPort,
  type Mark,
  type Wired,
  type WireRequest,
} from "@brindle/cni";
import { type Family, isKernelError, type Link } from "@brindle/net";
import {
  DirectRoutes,
  ensureSysctl,
  insideNamespace,
  type NamespaceReference,
  type OpenNamespace,
  openNamespace,
  openRouteSocket,
  type RouteSocket,
  readSysctl,
} from "@brindle/net/shell";
import { wiringDifferences } from "../../wiring/check.ts";
import { isRemovable, judgeExisting } from "../../wiring/existing.ts";
import {
  familiesOf,
  gateways,
  hostChanges,
  hostMac,
  hostSettings,
  hostSysctls,
  podSysctls,
  readMark,
  type Sysctl,
  vethPair,
} from "../../wiring/plan.ts";
import { recordSysctl } from "../sysctlRecord.ts";
import { planPod } from "./aside.ts";
import { GatheredRemoval, removalGroup } from "./gatheredRemoval.ts";
import { observe } from "./observe.ts";

/** NSFS_MAGIC (linux/magic.h) */
const namespaceFilesystem = 0x6e73_6673;

export interface LinksOptions {
  /** For requests that do not say: what the underlay carries, less the encapsulation's headers. */
  readonly mtu: number;
  /** The node's network namespace; the thread's own when left out. */
  readonly namespace?: NamespaceReference;
  /** The file that keeps what settings of the node were before; where it is left out, nobody can put them back. */
  readonly sysctlRecord?: string;
}

export class Links implements LinksPort, Disposable {
  readonly #mtu: number;
  readonly #node: OpenNamespace;
  /** For what is short, and is done in order. */
  readonly #direct: DirectRoutes;
  /** For lists. */
  readonly #kernel: RouteSocket;
  readonly #removal: GatheredRemoval;
  readonly #queue = new KeyedQueue();

  private constructor(options: LinksOptions, node: OpenNamespace, kernel: RouteSocket) {
    this.#mtu = options.mtu;
    this.#node = node;
    this.#kernel = kernel;
    this.#direct = new DirectRoutes(node.fd);
    this.#removal = new GatheredRemoval(this.#direct, node.fd);
  }

  /** Also makes the node a router, without which no pod reaches anything. */
  static async open(options: LinksOptions): Promise<Links> {
    const { namespace = "/proc/thread-self/ns/net" } = options;
    const node = openNamespace(typeof namespace === "number" ? `/proc/self/fd/${namespace}` : namespace);
    try {
      const kernel = await openRouteSocket({ namespace: node.fd });
      const links = new Links(options, node, kernel);
      makeRouter(node, options.sysctlRecord);
      return links;
    } catch (error) {
      node.close();
      throw error;
    }
  }

  /** Two containers of one pod share the name of the node's end, so their work must not mix. */
  wire(request: WireRequest): Promise<Wired> {
    return this.#queue.run(request.attachment.hostInterface, () => this.#wire(request));
  }

  /** The name is another's only when the interface is gone, so the next one for it waits until then. */
  unwire(attachment: Attachment, onDown?: () => void): Promise<void> {
    return this.#queue.run(attachment.hostInterface, async () => {
      const link = this.#direct.link(attachment.hostInterface);
      // Another's: a newer container of the same pod has the name by now.
      if (link && isRemovable(link, attachment)) await this.#removal.remove(link.index, onDown);
    });
  }

  async check(request: LinkCheck): Promise<readonly string[]> {
    using container = this.#openContainer(request.attachment.netns);
    using inside = await openRouteSocket({ namespace: container.fd });
    const sides = {
      host: { namespace: this.#node, kernel: this.#kernel },
      pod: { namespace: container, kernel: inside },
    };
    return wiringDifferences(request, await observe(request, sides));
  }

  async marks(): Promise<readonly Mark[]> {
    const links = await this.#kernel.links();
    return links.flatMap(({ alias, name }) => {
      const mark = readMark(alias);
      return mark ? [{ ...mark, hostInterface: name }] : [];
    });
  }

  [Symbol.dispose](): void {
    this.#removal[Symbol.dispose]();
    this.#direct.close();
    this.#kernel.close();
    this.#node.close();
  }

  async #wire(request: WireRequest): Promise<Wired> {
    const { attachment, addresses } = request;
    const mtu = request.mtu ?? this.#mtu;
    using container = this.#openContainer(attachment.netns);
    using inside = new DirectRoutes(container.fd);

    await using undo = new AsyncDisposableStack();
    const present = await this.#reuse(attachment, inside);
    const host = present ?? this.#create(request, { mtu, container, undo });
    const aside = await this.#configure(request, { host, container, inside });
    undo.move(); // Success: nothing is undone.

    const families = [...familiesOf(addresses)];
    return {
      isNew: !present,
      hostMac,
      mtu: host.mtu,
      gateways: families.map((family) => gateways[family]),
      defaultFamilies: families.filter((family) => !aside.has(family)),
    };
  }

  /** The node's end, when an earlier ADD of the same attachment has left the pair as it should be. */
  async #reuse(attachment: Attachment, inside: DirectRoutes): Promise<Link | null> {
    const existing = judgeExisting(this.#direct.link(attachment.hostInterface), attachment);
    switch (existing.kind) {
      case "none":
        return null;
      case "foreign":
        throw new CniError({
          code: "CONFLICT",
          message: `${existing.reason}: remove it, or the container that uses it`,
        });
      case "obsolete":
        await this.#removal.remove(existing.link.index);
        return null;
      case "ours": {
        const peer = inside.link(attachment.interfaceName);
        const isGoing = existing.link.group === removalGroup; // An agent was killed while it removed it.
        if (!isGoing && peer?.mac === attachment.mac && peer.peerIndex === existing.link.index) return existing.link;
        await this.#removal.remove(existing.link.index); // Its other end is elsewhere: the namespace is a new one.
        return null;
      }
    }
  }

  #create(request: WireRequest, world: Creation): Link {
    const { attachment, addresses } = request;
    const { mtu, container, undo } = world;
    const name = attachment.hostInterface;
    try {
      this.#direct.apply([{ op: "createLink", link: vethPair({ attachment, mtu }, container.fd) }]);
    } catch (error) {
      if (!isKernelError(error, "EXISTS")) throw error;
      // The node's end has been looked at, so the name is taken inside: CNI wants that to be an error.
      const message = `the container has an interface ${attachment.interfaceName} already`;
      throw new CniError({ code: "CONFLICT", message }, { cause: error });
    }
    const link = found(this.#direct.link(name), name);
    undo.defer(() => this.#removal.remove(link.index));
    const settings = hostSettings(attachment, familiesOf(addresses));
    this.#direct.apply([{ op: "setLink", link: { index: link.index }, settings }]);
    return link;
  }

  async #configure(
    { attachment, addresses }: WireRequest,
    { host, container, inside }: Pair,
  ): Promise<ReadonlySet<Family>> {
    const families = familiesOf(addresses);
    writeSysctls(this.#node, hostSysctls(host.name, families));
    writeSysctls(container, podSysctls(attachment.interfaceName, families));
    const pod = found(inside.link(attachment.interfaceName), attachment.interfaceName);
    // The node's end last: no packet reaches a pod that is not whole.
    const { changes, aside } = await planPod(() => openRouteSocket({ namespace: container.fd }), pod, addresses);
    inside.apply(changes);
    this.#direct.apply(hostChanges(host.index, attachment.mac, addresses));
    await Promise.all([untilRunning(inside, pod.index), untilRunning(this.#direct, host.index)]);
    return aside;
  }

  #openContainer(path: string): OpenNamespace {
    const container = openExisting(path);
    const objection = this.#objectionTo(container);
    if (objection === null) return container;
    container.close();
    throw new CniError({ code: "INVALID_NETNS", message: `${path} is ${objection}` });
  }

  #objectionTo(container: OpenNamespace): string | null {
    if (statfsSync(`/proc/self/fd/${container.fd}`).type !== namespaceFilesystem) return "no network namespace";
    const isOwn = fstatSync(container.fd).ino === fstatSync(this.#node.fd).ino;
    return isOwn ? "the node's own network namespace" : null;
  }
}

function openExisting(path: string): OpenNamespace {
  try {
    return openNamespace(path);
  } catch (cause) {
    const message = `the network namespace ${path} cannot be opened: does it exist, and does the agent see it?`;
    throw new CniError({ code: "INVALID_NETNS", message }, { cause });
  }
}

interface Creation {
  readonly mtu: number;
  readonly container: OpenNamespace;
  readonly undo: AsyncDisposableStack;
}

interface Pair {
  readonly host: Link;
  readonly container: OpenNamespace;
  readonly inside: DirectRoutes;
}

const routerSettings: readonly Sysctl[] = [
  { path: "net/ipv4/ip_forward", value: 1 },
  { path: "net/ipv6/conf/all/forwarding", value: 1 },
];

function makeRouter(node: OpenNamespace, record: string | undefined): void {
  if (record !== undefined) {
    insideNamespace(node.fd, () => {
      for (const { path, value } of routerSettings) {
        const before = presentValue(path);
        if (before !== null && before !== String(value)) recordSysctl(record, path, { before, ours: String(value) });
      }
    });
  }
  writeSysctls(node, routerSettings);
}

function presentValue(path: Sysctl["path"]): string | null {
  try {
    return readSysctl(path);
  } catch (error) {
    if (isKernelError(error, "NOT_FOUND")) return null;
    throw error;
  }
}

/** A kernel without IPv6 lacks its settings; when a pod is to have an IPv6 address, adding that says so. */
function writeSysctls(namespace: OpenNamespace, settings: readonly Sysctl[]): void {
  insideNamespace(namespace.fd, () => {
    for (const { path, value } of settings) {
      try {
        ensureSysctl(path, value);
      } catch (error) {
        if (!path.startsWith("net/ipv6/") || !isKernelError(error, "NOT_FOUND")) throw error;
      }
    }
  });
}

const carrierMsMax = 2_000;

/**
 * What is sent before the kernel has noticed the carrier is thrown away, and it may put that off for up to a second
 * (linkwatch). Since Linux 6.8 a request for the link makes it notice at once (rtnl_getlink); an older one is waited for.
 */
async function untilRunning(kernel: DirectRoutes, interfaceIndex: number): Promise<void> {
  const deadlineMs = performance.now() + carrierMsMax;
  while (kernel.link(interfaceIndex)?.running === false && performance.now() < deadlineMs) await delay(2);
}

function found(link: Link | null, name: string): Link {
  if (link) return link;
  throw new CniError({ code: "TRY_AGAIN_LATER", message: `the interface ${name} went away while it was set up` });
}
