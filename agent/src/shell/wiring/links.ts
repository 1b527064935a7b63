/**
 * Wires containers to the node and unwires them: the `links` port of the CNI plugin, over the kernel. What it makes
 * follows from the request alone (`wiring/plan.ts`), each step can be repeated, and a failure leaves nothing behind.
 */
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
import { type Address, type Family, isKernelError, type KernelChange, type Link } from "@brindle/net";
import {
  DirectRoutes,
  type NamespaceReference,
  type OpenNamespace,
  openNamespace,
  openRouteSocket,
  type RouteSocket,
} from "@brindle/net/shell";
import { wiringDifferences } from "../../wiring/check.ts";
import { isRemovable, judgeExisting } from "../../wiring/existing.ts";
import {
  familiesOf,
  gateways,
  hostChanges,
  hostFiles,
  hostMac,
  hostPreparations,
  podSysctls,
  readMark,
  vethPair,
} from "../../wiring/plan.ts";
import { planPod } from "./aside.ts";
import { openContainer } from "./container.ts";
import { GatheredCreation } from "./gatheredCreation.ts";
import { GatheredRemoval, removalGroup } from "./gatheredRemoval.ts";
import { observe } from "./observe.ts";
import { makeRouter, writeSysctls } from "./settings.ts";
import { untilLocal, untilRunning } from "./settled.ts";

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
  readonly #creation: GatheredCreation;
  readonly #removal: GatheredRemoval;
  readonly #queue = new KeyedQueue();

  private constructor(options: LinksOptions, node: OpenNamespace, kernel: RouteSocket) {
    this.#mtu = options.mtu;
    this.#node = node;
    this.#kernel = kernel;
    this.#direct = new DirectRoutes(node.fd);
    this.#creation = new GatheredCreation(node.fd);
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
      links.#removal.removeLeftOver();
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
  unwire(attachment: Attachment, onDown: () => void = () => {}): Promise<void> {
    return this.#queue.run(attachment.hostInterface, () => {
      // Another's: a newer container of the same pod has the name by now.
      const isMeant = (link: Link): boolean => isRemovable(link, attachment);
      const { down, gone } = this.#removal.remove({ interface: attachment.hostInterface, isMeant });
      down.then(onDown, () => {}); // What fails so fails `gone`, too.
      return gone;
    });
  }

  async check(request: LinkCheck): Promise<readonly string[]> {
    using container = openContainer(request.attachment.netns, this.#node);
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
    this.#creation[Symbol.dispose]();
    this.#removal[Symbol.dispose]();
    this.#direct.close();
    this.#kernel.close();
    this.#node.close();
  }

  /** The pair is made while the addresses are still on their way; it is down, and nothing leads to it. */
  async #wire(request: WireRequest): Promise<Wired> {
    const { attachment } = request;
    using container = openContainer(attachment.netns, this.#node);
    using inside = new DirectRoutes(container.fd);

    await using undo = new AsyncDisposableStack();
    const pair = { attachment, container, inside };
    const { host, isNew } = await this.#pair(pair, { mtu: request.mtu ?? this.#mtu, undo });
    const expected = new Set(request.families ?? []);
    if (isNew) this.#prepare(pair, host, expected);
    const addresses = await request.addresses;
    await this.#creation.quiet();
    const families = familiesOf(addresses);
    if (!isNew || families.symmetricDifference(expected).size > 0) this.#prepare(pair, host, families);
    const aside = await this.#configure(pair, host, addresses);
    undo.move(); // Success: nothing is undone.

    return {
      isNew,
      hostMac,
      mtu: host.mtu,
      gateways: [...families].map((family) => gateways[family]),
      defaultFamilies: [...families].filter((family) => !aside.has(family)),
    };
  }

  /** Most often nothing is in the way. What is, is looked at only then. */
  async #pair(pair: Pair, { mtu, undo }: Creation): Promise<{ readonly host: Link; readonly isNew: boolean }> {
    const { attachment, container, inside } = pair;
    for (let attempt = 1; ; attempt++) {
      await this.#removal.quiet();
      try {
        const host = await this.#creation.create(vethPair({ attachment, mtu }, container.fd));
        undo.defer(() => this.#removal.removeIndex(host.index));
        return { host, isNew: true };
      } catch (error) {
        if (!isKernelError(error, "EXISTS")) throw error;
        const present = this.#direct.link(attachment.hostInterface);
        const host = present ? await this.#reuse(present, { attachment, inside }) : null;
        if (host) return { host, isNew: false };
        // An interface that was there and is not the node's end is in the container, where one may be on its way out.
        if (!present) await this.#removal.settled();
        if (attempt < attemptsMax) continue;
        const message = `the container has an interface ${attachment.interfaceName} already`;
        throw new CniError({ code: "CONFLICT", message }, { cause: error });
      }
    }
  }

  /** The node's end, when an earlier ADD of the same attachment has left the pair as it should be; else it is removed. */
  async #reuse(link: Link, { attachment, inside }: Pick<Pair, "attachment" | "inside">): Promise<Link | null> {
    const existing = judgeExisting(link, attachment);
    if (existing.kind === "none") return null;
    if (existing.kind === "foreign") {
      const message = `${existing.reason}: remove it, or the container that uses it`;
      throw new CniError({ code: "CONFLICT", message });
    }
    const peer = existing.kind === "ours" ? inside.link(attachment.interfaceName) : null;
    const isGoing = link.group === removalGroup; // An agent was killed while it removed it.
    if (!isGoing && peer?.mac === attachment.mac && peer.peerIndex === link.index) return link;
    await this.#removal.removeIndex(link.index); // Nobody's any more, or its other end is in an earlier namespace.
    return null;
  }

  /** What has to be so before an end is up. */
  #prepare({ attachment, container }: Pair, host: Link, families: ReadonlySet<Family>): void {
    this.#direct.apply(hostPreparations(host.index, attachment, families));
    writeSysctls(this.#node, hostFiles(host.name, families));
    writeSysctls(container, podSysctls(attachment.interfaceName, families));
  }

  async #configure(
    { attachment, container, inside }: Pair,
    host: Link,
    addresses: readonly Address[],
  ): Promise<ReadonlySet<Family>> {
    const name = attachment.interfaceName;
    const pod = { name, index: host.peerIndex ?? found(inside.link(name), name).index };
    // The node's end last: no packet reaches a pod that is not whole.
    const { changes, aside } = await planPod(() => openRouteSocket({ namespace: container.fd }), pod, addresses);
    inside.apply(changes);
    this.#applyAtHost(hostChanges(host.index, attachment.mac, addresses));
    await Promise.all([
      untilRunning(inside, pod.index),
      untilRunning(this.#direct, host.index),
      ...addresses.filter(({ family }) => family === 6).map((address) => untilLocal(inside, address)),
    ]);
    return aside;
  }

  /** Neighbours are told in advance for speed. The kernel's table of them, one for all namespaces, may be full of others'. */
  #applyAtHost(changes: readonly KernelChange[]): void {
    for (const [i, refused] of this.#direct.tryEach(changes).entries()) {
      const isSpared = changes[i]?.op === "replaceNeighbour" && isKernelError(refused, "NO_RESOURCES");
      if (refused && !isSpared) throw refused;
    }
  }
}

interface Creation {
  readonly mtu: number;
  readonly undo: AsyncDisposableStack;
}

interface Pair {
  readonly attachment: Attachment;
  readonly container: OpenNamespace;
  readonly inside: DirectRoutes;
}

/** What was in the way and is removed may be followed by another; not for long. */
const attemptsMax = 3;

function found(link: Link | null, name: string): Link {
  if (link) return link;
  throw new CniError({ code: "TRY_AGAIN_LATER", message: `the interface ${name} went away while it was set up` });
}
