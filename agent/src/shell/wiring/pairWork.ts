/** Makes pairs and finishes them, by short messages to the kernel and by files, all on the calling thread. */
import type { Attachment } from "@brindle/cni";
import { type Address, type Family, isKernelError, type KernelChange, KernelError, type Link } from "@brindle/net";
import { DirectRoutes, type OpenNamespace, openNamespace, openRouteSocket } from "@brindle/net/shell";
import { AgentError } from "../../error.ts";
import { hostChanges, hostFiles, hostPreparations, podSysctls, vethPair } from "../../wiring/plan.ts";
import { planPod } from "./aside.ts";
import { entered, openContainer } from "./container.ts";
import type { MadePair, PairEnding, PairOrder, Preparation } from "./pairMessages.ts";
import { looseReversePath } from "./reversePath.ts";
import { InterfaceSettings } from "./settings.ts";
import { untilLocal, untilRunning } from "./settled.ts";

export class PairWork implements Disposable {
  readonly #nodes = new Map<number, NodeSide>();
  readonly #pairs = new Map<number, Pair>();

  /** By a descriptor of its own: whoever asks may close theirs at any time. */
  enter(id: number, namespace: number): void {
    using opened = new DisposableStack();
    const node = opened.use(openNamespace(`/proc/self/fd/${namespace}`));
    const direct = opened.use(new DirectRoutes(node.fd));
    const settings = opened.use(new InterfaceSettings(node));
    this.#nodes.set(id, { node, direct, settings, opened: opened.move() });
  }

  leave(id: number): void {
    for (const [pair, { side }] of this.#pairs) if (side === this.#nodes.get(id)) this.forget(pair);
    this.#nodes.get(id)?.opened.dispose();
    this.#nodes.delete(id);
  }

  async make(order: PairOrder): Promise<MadePair> {
    const pair = this.#pairs.get(order.id) ?? (await this.#open(order));
    const { attachment, mtu, queues } = order;
    const { side, inside, container } = pair;
    const made = side.direct.create(vethPair({ attachment, mtu, queues }, container.fd));
    if (!(made instanceof KernelError)) {
      prepareNew(pair, made, order);
      return { kind: "made", host: made };
    }
    if (!isKernelError(made, "EXISTS")) throw made;
    const host = side.direct.link(attachment.hostInterface);
    return { kind: "taken", host, peer: inside.link(attachment.interfaceName) };
  }

  /** Answers the families whose default route is another interface's. */
  async finish({ id, host, addresses, preparation }: PairEnding): Promise<ReadonlySet<Family>> {
    const pair = this.#pairs.get(id);
    if (!pair) throw new KernelError({ code: "CLOSED", object: `interface ${host.name}` });
    if (preparation) prepare(pair, host, preparation);
    const aside = await configure(pair, host, addresses);
    this.forget(id);
    return aside;
  }

  forget(id: number): void {
    this.#pairs.get(id)?.opened.dispose();
    this.#pairs.delete(id);
  }

  /** Also of what is under way, which fails at its next step. */
  [Symbol.dispose](): void {
    for (const node of this.#nodes.keys()) this.leave(node);
  }

  async #open({ id, node, attachment }: PairOrder): Promise<Pair> {
    const side = this.#nodes.get(node);
    if (!side) throw new KernelError({ code: "CLOSED", object: `interface ${attachment.hostInterface}` });
    using opened = new DisposableStack();
    const container = opened.use(openContainer(attachment.netns, side.node));
    const inside = opened.use(await entered(attachment.netns, () => new DirectRoutes(container.fd)));
    const pair = { side, attachment, container, inside, opened: opened.move() };
    this.#pairs.set(id, pair);
    return pair;
  }
}

interface NodeSide {
  readonly node: OpenNamespace;
  readonly direct: DirectRoutes;
  readonly settings: InterfaceSettings;
  readonly opened: DisposableStack;
}

interface Pair {
  readonly side: NodeSide;
  readonly attachment: Attachment;
  readonly container: OpenNamespace;
  readonly inside: DirectRoutes;
  readonly opened: DisposableStack;
}

/** Nobody else knows of it yet: what cannot be made ready goes again. */
function prepareNew(pair: Pair, host: Link, preparation: Preparation): void {
  try {
    prepare(pair, host, preparation);
  } catch (error) {
    pair.side.direct.tryEach([{ op: "deleteLink", link: { index: host.index } }]);
    throw error;
  }
}

/** What has to be so before an end is up. */
function prepare(
  { side, attachment, container }: Pair,
  host: Pick<Link, "index" | "name">,
  { families, sendsBeyond }: Preparation,
): void {
  const loosened = sendsBeyond ? { reversePathFilter: looseReversePath(side.node) } : {};
  const ofFamilies = new Set(families);
  side.direct.apply(hostPreparations(host.index, attachment, { families: ofFamilies, ...loosened }));
  side.settings.write(hostFiles(host.name, ofFamilies));
  using inside = new InterfaceSettings(container);
  inside.write(podSysctls(attachment.interfaceName, ofFamilies));
}

async function configure(
  { side, attachment, container, inside }: Pair,
  host: PairEnding["host"],
  addresses: readonly Address[],
): Promise<ReadonlySet<Family>> {
  const name = attachment.interfaceName;
  const pod = { name, index: host.peerIndex ?? found(inside.link(name), name).index };
  // The node's end last: no packet reaches a pod that is not whole.
  const { changes, aside } = await planPod(() => openRouteSocket({ namespace: container.fd }), pod, addresses);
  inside.apply(changes);
  applyAtHost(side.direct, hostChanges(host.index, attachment.mac, addresses));
  await Promise.all([
    untilRunning(inside, pod.index),
    untilRunning(side.direct, host.index),
    ...addresses.filter(({ family }) => family === 6).map((address) => untilLocal(inside, address)),
  ]);
  return aside;
}

/** Neighbours are told in advance for speed. The kernel's table of them, one for all namespaces, may be full of others'. */
function applyAtHost(kernel: DirectRoutes, changes: readonly KernelChange[]): void {
  for (const [i, refused] of kernel.tryEach(changes).entries()) {
    const isSpared = changes[i]?.op === "replaceNeighbour" && isKernelError(refused, "NO_RESOURCES");
    if (refused && !isSpared) throw refused;
  }
}

function found(link: Link | null, name: string): Link {
  if (link) return link;
  throw new AgentError({ code: "INTERFACE_GONE", reason: `the interface ${name} went away while it was set up` });
}
