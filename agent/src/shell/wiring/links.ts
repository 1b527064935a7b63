/**
 * Wires containers to the node and unwires them: the `links` port of the CNI plugin, over the kernel. What it makes
 * follows from the request alone (`wiring/plan.ts`), each step can be repeated, and a failure leaves nothing behind.
 */
import type { QosControls } from "@brindle/api";
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
import { type Address, type Family, isKernelError, type KernelChange, KernelError, type Link } from "@brindle/net";
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
import { limitsBandwidth } from "../../wiring/limits.ts";
import { MadeEnds } from "../../wiring/madeEnds.ts";
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
import { entered, openContainer } from "./container.ts";
import { GatheredCreation } from "./gatheredCreation.ts";
import { GatheredRemoval, type Removable, removalGroup } from "./gatheredRemoval.ts";
import { Limiter, type LimitsSnapshot, type LimitWish, limitFailure } from "./limiter.ts";
import { observe } from "./observe.ts";
import {
  looseReversePath,
  type ReversePath,
  reversePathsOf,
  setReversePath,
  strictReversePath,
} from "./reversePath.ts";
import { InterfaceSettings, makeRouter } from "./settings.ts";
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
  readonly #settings: InterfaceSettings;
  readonly #limiter: Limiter;
  readonly #made: MadeEnds;
  readonly #opened: DisposableStack;
  readonly #queue = new KeyedQueue();
  readonly #underWay = new Set<Promise<unknown>>();

  private constructor(mtu: number, parts: Parts, opened: DisposableStack) {
    this.#mtu = mtu;
    this.#node = parts.node;
    this.#kernel = parts.kernel;
    this.#direct = parts.direct;
    this.#creation = parts.creation;
    this.#removal = parts.removal;
    this.#settings = parts.settings;
    this.#made = parts.made;
    this.#limiter = new Limiter(parts.kernel, parts.removal);
    this.#opened = opened;
  }

  /** Also makes the node a router, without which no pod reaches anything. */
  static async open({ mtu, namespace = "/proc/thread-self/ns/net", sysctlRecord }: LinksOptions): Promise<Links> {
    using opened = new DisposableStack();
    const node = opened.use(openNamespace(typeof namespace === "number" ? `/proc/self/fd/${namespace}` : namespace));
    const kernel = opened.use(await openRouteSocket({ namespace: node.fd }));
    const direct = opened.use(new DirectRoutes(node.fd));
    const creation = opened.use(new GatheredCreation(node.fd));
    const made = new MadeEnds();
    const removal = opened.use(new GatheredRemoval(direct, node.fd, (index) => made.forget(index)));
    const settings = opened.use(new InterfaceSettings(node));
    makeRouter(node, sysctlRecord);
    removal.removeLeftOver();
    return new Links(mtu, { node, kernel, direct, creation, removal, settings, made }, opened.move());
  }

  /** Two containers of one pod share the name of the node's end, so their work must not mix. */
  wire(request: WireRequest): Promise<Wired> {
    return this.#inTurn(request.attachment.hostInterface, () => this.#wire(request));
  }

  /** The name is another's only when the interface is gone, so the next one for it waits until then. */
  unwire(attachment: Attachment, onDown: () => void = () => {}): Promise<void> {
    return this.#inTurn(attachment.hostInterface, () => {
      const { down, gone } = this.#removal.remove(this.#removable(attachment));
      down.then(onDown, () => {}); // What fails so fails `gone`, too.
      return this.#limiter.isQueued(attachment.hostInterface) ? this.#withQueue(attachment.hostInterface, gone) : gone;
    });
  }

  /** Limits a pod that runs; answers what of it somebody else is in the way of. One that is not wired gets its limits with its wiring. */
  limit(hostInterface: string, { wishOf, known }: Limiting): Promise<readonly string[]> {
    return this.#inTurn(hostInterface, async () => {
      const link = this.#direct.link(hostInterface);
      const mark = readMark(link?.alias ?? null);
      if (!link || !mark || !link.up || link.group === removalGroup) return [];
      await this.#quiet();
      return this.#limiter.apply(link, await wishOf(mark.network), known);
    });
  }

  /** Those that have limits of ours; queues whose pods are gone are removed. */
  async limited(): Promise<{ readonly pods: readonly string[]; readonly known: LimitsSnapshot }> {
    const known = await this.#limiter.snapshot();
    const { pods, orphans } = Limiter.limited(known);
    // One whose pod is just being made has its turn behind that.
    const forget = (owner: string) =>
      this.#inTurn(owner, async () => {
        if (!this.#direct.link(owner)) await this.#limiter.forget(owner);
      });
    await Promise.all(orphans.map(forget));
    return { pods, known };
  }

  /** How strictly the kernel looks at the sources of a pod that runs. Answers whether that was another way before. */
  guard(hostInterface: string, path: ReversePath): Promise<boolean> {
    return this.#inTurn(hostInterface, async () => {
      const link = this.#direct.link(hostInterface);
      const isPods = link?.up && readMark(link.alias) !== null && link.group !== removalGroup;
      return isPods ? setReversePath(this.#node, hostInterface, path) : false;
    });
  }

  /** The node's ends of pods at whose sources the kernel does not look strictly. */
  async unguarded(): Promise<readonly string[]> {
    const marks = await this.marks();
    const names = marks.map(({ hostInterface }) => hostInterface);
    const found = reversePathsOf(this.#node, names);
    return [...found].flatMap(([name, value]) => (value === strictReversePath ? [] : [name]));
  }

  async check(request: LinkCheck): Promise<readonly string[]> {
    using container = openContainer(request.attachment.netns, this.#node);
    using inside = await entered(request.attachment.netns, () => openRouteSocket({ namespace: container.fd }));
    const sides = {
      host: { namespace: this.#node, kernel: this.#kernel },
      pod: { namespace: container, kernel: inside },
    };
    const observed = await observe(request, sides);
    const limits = observed.host ? await this.#limiter.check(observed.host.link, request.limits ?? null) : [];
    return [...wiringDifferences(request, observed), ...limits];
  }

  async marks(): Promise<readonly Mark[]> {
    const links = await this.#kernel.links();
    return links.flatMap(({ alias, name }) => {
      const mark = readMark(alias);
      return mark ? [{ ...mark, hostInterface: name }] : [];
    });
  }

  /** Resolves when nothing is under way, also of what nobody waits for any more. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  /** What is under way fails at its next step, and what comes later at once. */
  [Symbol.dispose](): void {
    this.#opened.dispose();
  }

  #inTurn<T>(hostInterface: string, task: () => Promise<T>): Promise<T> {
    const turn = this.#queue.run(hostInterface, async () => {
      if (this.#opened.disposed) throw new KernelError({ code: "CLOSED", object: `interface ${hostInterface}` });
      return task();
    });
    this.#underWay.add(turn);
    const over = () => this.#underWay.delete(turn);
    turn.then(over, over);
    return turn;
  }

  /** The pair is made while the addresses are still on their way; it is down, and nothing leads to it. */
  async #wire(request: WireRequest): Promise<Wired> {
    const { attachment } = request;
    using container = openContainer(attachment.netns, this.#node);
    using inside = await entered(attachment.netns, () => new DirectRoutes(container.fd));

    await using undo = new AsyncDisposableStack();
    const pair = { attachment, container, inside };
    const { mtu, queues = 1 } = request;
    const { host, isNew } = await this.#pair(pair, { mtu: mtu ?? this.#mtu, queues, undo });
    const expected = new Set(request.families ?? []);
    const { sendsBeyond = false } = request;
    if (isNew) this.#prepare(pair, host, { families: expected, sendsBeyond });
    const addresses = await request.addresses;
    await this.#creation.quiet();
    const families = familiesOf(addresses);
    if (!isNew || families.symmetricDifference(expected).size > 0) this.#prepare(pair, host, { families, sendsBeyond });
    if (isNew) undo.defer(() => this.#limiter.forget(host.name));
    if (limitsBandwidth(request.limits)) await this.#limitNew(host, request.limits);
    const aside = await this.#configure(pair, host, addresses);
    undo.move(); // Success: nothing is undone.
    this.#made.add(attachment, host.index);

    return {
      isNew,
      hostMac,
      mtu: host.mtu,
      gateways: [...families].map((family) => gateways[family]),
      defaultFamilies: [...families].filter((family) => !aside.has(family)),
    };
  }

  #removable(attachment: Attachment): Removable {
    const index = this.#made.take(attachment);
    if (index !== null) return { interface: index, isMeant: null };
    return { interface: attachment.hostInterface, isMeant: (link) => isRemovable(link, attachment) };
  }

  async #limitNew(host: Link, limits: QosControls): Promise<void> {
    try {
      const [conflict] = await this.#limiter.apply(host, { controls: limits });
      if (conflict !== undefined) throw new CniError({ code: "CONFLICT", message: conflict });
    } catch (error) {
      const message = limitFailure(error);
      if (message === null) throw error;
      throw new CniError({ code: "INVALID_CONFIG", message }, { cause: error });
    }
  }

  async #withQueue(hostInterface: string, gone: Promise<void>): Promise<void> {
    await gone;
    if (!this.#direct.link(hostInterface)) await this.#limiter.forget(hostInterface);
  }

  async #quiet(): Promise<void> {
    await this.#removal.quiet();
    await this.#creation.quiet();
  }

  /** Most often nothing is in the way. What is, is looked at only then. */
  async #pair(pair: Pair, { mtu, queues, undo }: Creation): Promise<{ readonly host: Link; readonly isNew: boolean }> {
    const { attachment, container, inside } = pair;
    for (let attempt = 1; ; attempt++) {
      await this.#removal.quiet();
      try {
        const host = await this.#creation.create(vethPair({ attachment, mtu, queues }, container.fd));
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
  #prepare({ attachment, container }: Pair, host: Link, { families, sendsBeyond }: Preparation): void {
    const loosened = sendsBeyond ? { reversePathFilter: looseReversePath(this.#node) } : {};
    this.#direct.apply(hostPreparations(host.index, attachment, { families, ...loosened }));
    this.#settings.write(hostFiles(host.name, families));
    using inside = new InterfaceSettings(container);
    inside.write(podSysctls(attachment.interfaceName, families));
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

interface Parts {
  readonly node: OpenNamespace;
  readonly direct: DirectRoutes;
  readonly kernel: RouteSocket;
  readonly creation: GatheredCreation;
  readonly removal: GatheredRemoval;
  readonly settings: InterfaceSettings;
  readonly made: MadeEnds;
}

export interface Limiting {
  /** What is to be limited, in the network of that name; `null` where its interface does not tell. */
  readonly wishOf: (network: string | null) => Promise<LimitWish>;
  /** Where it was just read. */
  readonly known?: LimitsSnapshot;
}

interface Creation {
  readonly mtu: number;
  readonly queues: number;
  readonly undo: AsyncDisposableStack;
}

interface Preparation {
  readonly families: ReadonlySet<Family>;
  /** Whether the pod may send from addresses that are not routed to it. */
  readonly sendsBeyond: boolean;
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
