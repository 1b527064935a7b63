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
import { KernelError, type Link } from "@brindle/net";
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
import { toldRuntime } from "../../wiring/failures.ts";
import { limitsBandwidth } from "../../wiring/limits.ts";
import { MadeEnds } from "../../wiring/madeEnds.ts";
import { familiesOf, gateways, hostMac, readMark } from "../../wiring/plan.ts";
import { entered, openContainer } from "./container.ts";
import { GatheredRemoval, type Removable, removalGroup } from "./gatheredRemoval.ts";
import { Limiter, type LimitsSnapshot, type LimitWish, limitFailure } from "./limiter.ts";
import { observe } from "./observe.ts";
import { type Pair, type Pairs, PairThread } from "./pairs.ts";
import { type ReversePath, reversePathsOf, setReversePath, strictReversePath } from "./reversePath.ts";
import { makeRouter } from "./settings.ts";

export interface LinksOptions {
  /** For requests that do not say: what the underlay carries, less the encapsulation's headers. */
  readonly mtu: number;
  /** The node's network namespace; the thread's own when left out. */
  readonly namespace?: NamespaceReference;
  /** The file that keeps what settings of the node were before; where it is left out, nobody can put them back. */
  readonly sysctlRecord?: string;
  /** One of others; of its own when left out. */
  readonly thread?: PairThread | undefined;
}

export class Links implements LinksPort, Disposable {
  readonly #mtu: number;
  readonly #node: OpenNamespace;
  /** For what is short, and is done in order. */
  readonly #direct: DirectRoutes;
  /** For lists. */
  readonly #kernel: RouteSocket;
  readonly #pairs: Pairs;
  readonly #removal: GatheredRemoval;
  readonly #limiter: Limiter;
  readonly #ends: MadeEnds;
  readonly #opened: DisposableStack;
  readonly #queue = new KeyedQueue();
  readonly #underWay = new Set<Promise<unknown>>();

  private constructor(mtu: number, parts: Parts, opened: DisposableStack) {
    this.#mtu = mtu;
    this.#node = parts.node;
    this.#kernel = parts.kernel;
    this.#direct = parts.direct;
    this.#pairs = parts.pairs;
    this.#removal = parts.removal;
    this.#ends = parts.ends;
    this.#limiter = new Limiter(parts.kernel, parts.removal);
    this.#opened = opened;
  }

  /** Also makes the node a router, without which no pod reaches anything. */
  static async open({
    mtu,
    namespace = "/proc/thread-self/ns/net",
    sysctlRecord,
    thread,
  }: LinksOptions): Promise<Links> {
    using opened = new DisposableStack();
    const node = opened.use(openNamespace(typeof namespace === "number" ? `/proc/self/fd/${namespace}` : namespace));
    const kernel = opened.use(await openRouteSocket({ namespace: node.fd }));
    const direct = opened.use(new DirectRoutes(node.fd));
    const pairs = opened.use(await (thread ?? opened.use(await PairThread.start())).enter(node.fd));
    const ends = new MadeEnds();
    const removal = opened.use(new GatheredRemoval(direct, node.fd, (index) => ends.forget(index)));
    makeRouter(node, sysctlRecord);
    removal.removeLeftOver();
    return new Links(mtu, { node, kernel, direct, pairs, removal, ends }, opened.move());
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
      await this.#removal.quiet();
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
    using opened = new DisposableStack();
    const { container, inside } = await this.#inside(request.attachment.netns, opened);
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
    const { attachment, sendsBeyond = false } = request;
    const expected = new Set(request.families ?? []);
    const order = {
      ...{ attachment, mtu: request.mtu ?? this.#mtu, queues: request.queues ?? 1 },
      ...{ families: [...expected], sendsBeyond },
    };
    await using undo = new AsyncDisposableStack();
    using pair = this.#pairs.pair(order);
    const { host, isNew } = await this.#made(pair, { attachment, undo });
    // Not once it is finished: that it went since may be heard before the thread's answer.
    this.#ends.add(attachment, host.index);
    undo.defer(() => this.#ends.forget(host.index));
    const addresses = await request.addresses;
    const families = familiesOf(addresses);
    if (isNew) undo.defer(() => this.#limiter.forget(host.name));
    if (limitsBandwidth(request.limits)) await this.#limitNew(host, request.limits);
    const isPrepared = isNew && families.symmetricDifference(expected).size === 0;
    const preparation = isPrepared ? null : { families: [...families], sendsBeyond };
    const { name, index, peerIndex } = host;
    const aside = await pair.finish({ host: { name, index, peerIndex }, addresses, preparation });
    undo.move(); // Success: nothing is undone.

    return {
      isNew,
      hostMac,
      mtu: host.mtu,
      gateways: [...families].map((family) => gateways[family]),
      defaultFamilies: [...families].filter((family) => !aside.has(family)),
    };
  }

  async #inside(netns: string, opened: DisposableStack) {
    try {
      const container = opened.use(openContainer(netns, this.#node));
      const inside = opened.use(await entered(netns, () => openRouteSocket({ namespace: container.fd })));
      return { container, inside };
    } catch (error) {
      throw toldRuntime(error);
    }
  }

  #removable(attachment: Attachment): Removable {
    const index = this.#ends.take(attachment);
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

  /** Most often nothing is in the way. What is, is looked at only then. */
  async #made(pair: Pair, { attachment, undo }: Making): Promise<{ readonly host: Link; readonly isNew: boolean }> {
    for (let attempt = 1; ; attempt++) {
      await this.#removal.quiet();
      const made = await pair.make();
      if (made.kind === "made") {
        undo.defer(() => this.#removal.removeIndex(made.host.index));
        return { host: made.host, isNew: true };
      }
      const { host, peer } = made;
      if (host && (await this.#isOfUse(host, peer, attachment))) return { host, isNew: false };
      // An interface that was there and is not the node's end is in the container, where one may be on its way out.
      if (!host) await this.#removal.settled();
      if (attempt < attemptsMax) continue;
      const message = `the container has an interface ${attachment.interfaceName} already`;
      throw new CniError({ code: "CONFLICT", message });
    }
  }

  /** Whether an earlier ADD of the same attachment has left the pair as it should be; else it is removed. */
  async #isOfUse(link: Link, peer: Link | null, attachment: Attachment): Promise<boolean> {
    const existing = judgeExisting(link, attachment);
    if (existing.kind === "none") return false;
    if (existing.kind === "foreign") {
      const message = `${existing.reason}: remove it, or the container that uses it`;
      throw new CniError({ code: "CONFLICT", message });
    }
    const isGoing = link.group === removalGroup; // An agent was killed while it removed it.
    const isWhole = existing.kind === "ours" && peer?.mac === attachment.mac && peer.peerIndex === link.index;
    if (isWhole && !isGoing) return true;
    await this.#removal.removeIndex(link.index); // Nobody's any more, or its other end is in an earlier namespace.
    return false;
  }
}

interface Parts {
  readonly node: OpenNamespace;
  readonly direct: DirectRoutes;
  readonly kernel: RouteSocket;
  readonly pairs: Pairs;
  readonly removal: GatheredRemoval;
  readonly ends: MadeEnds;
}

export interface Limiting {
  /** What is to be limited, in the network of that name; `null` where its interface does not tell. */
  readonly wishOf: (network: string | null) => Promise<LimitWish>;
  /** Where it was just read. */
  readonly known?: LimitsSnapshot;
}

interface Making {
  readonly attachment: Attachment;
  readonly undo: AsyncDisposableStack;
}

/** What was in the way and is removed may be followed by another; not for long. */
const attemptsMax = 3;
