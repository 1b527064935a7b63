/** Makes the kernel limit what pods send and get as `wiring/limits.ts` says, and takes that away again. */
import type { QosControls } from "@brindle/api";
import { CniError } from "@brindle/cni";
import { isKernelError, KernelError, type Link, type Qdisc } from "@brindle/net";
import type { RouteSocket } from "@brindle/net/shell";
import {
  bandwidthLimits,
  type FoundLimits,
  limitDifferences,
  limitHandle,
  planLimits,
  presentLimits,
  queueName,
  queueOwner,
} from "../../wiring/limits.ts";
import { readMark } from "../../wiring/plan.ts";
import { type GatheredRemoval, removalGroup } from "./gatheredRemoval.ts";

/** What the kernel has, of all pods: read once for many. */
export interface LimitsSnapshot {
  readonly links: ReadonlyMap<string, Link>;
  readonly qdiscs: readonly Qdisc[];
}

export interface LimitWish {
  readonly controls: QosControls | null;
  /** Whether a direction that is not limited by now is left so: it may be another's work. */
  readonly isOfPresent?: boolean;
}

export class Limiter {
  readonly #kernel: RouteSocket;
  readonly #removal: Pick<GatheredRemoval, "remove" | "removeIndex">;
  /** The node's ends of pods that have a queue, as far as this process knows. */
  readonly #queued = new Set<string>();

  constructor(kernel: RouteSocket, removal: Pick<GatheredRemoval, "remove" | "removeIndex">) {
    this.#kernel = kernel;
    this.#removal = removal;
  }

  isQueued(hostInterface: string): boolean {
    return this.#queued.has(hostInterface);
  }

  async snapshot(): Promise<LimitsSnapshot> {
    const [links, qdiscs] = await Promise.all([this.#kernel.links(), this.#kernel.qdiscs()]);
    for (const link of links) {
      const owner = queueOwner(link);
      if (owner !== null) this.#queued.add(owner);
    }
    return { links: new Map(links.map((link) => [link.name, link])), qdiscs };
  }

  /** The node's ends that have a limit of ours, and those that are gone and have left a queue. */
  static limited({ links, qdiscs }: LimitsSnapshot): {
    readonly pods: readonly string[];
    readonly orphans: readonly string[];
  } {
    // Of what comes in only its filters tell whether it is ours.
    const mayBeOurs = qdiscs.filter(({ handle, isRoot }) => handle === limitHandle || !isRoot);
    const ours = new Set(mayBeOurs.map((qdisc) => qdisc.interfaceIndex));
    const pods = new Set<string>();
    const orphans: string[] = [];
    for (const link of links.values()) {
      const owner = queueOwner(link);
      if (owner !== null && !links.has(owner)) orphans.push(owner);
      else if (owner !== null) pods.add(owner);
      else if (ours.has(link.index) && readMark(link.alias)) pods.add(link.name);
    }
    return { pods: [...pods], orphans };
  }

  /** Answers what of it somebody else is in the way of. Rejects with the kernel's refusal. */
  async apply(host: Link, wish: LimitWish, known?: LimitsSnapshot): Promise<readonly string[]> {
    const found = await this.#find(host, known);
    const all = bandwidthLimits(wish.controls, host.mtu);
    const wanted = wish.isOfPresent === true ? presentLimits(all, found) : all;
    const plan = planLimits(host, wanted, found);
    if (plan.queue !== "make") return this.#carryOut(host, plan);
    this.#queued.add(host.name);
    await this.#makeQueue(host);
    return this.#carryOut(host, planLimits(host, wanted, await this.#find(host)));
  }

  async check(host: Link, controls: QosControls | null): Promise<readonly string[]> {
    const wanted = bandwidthLimits(controls, host.mtu);
    if (!wanted.ingress && !wanted.egress) return [];
    return limitDifferences(host, wanted, await this.#find(host));
  }

  /** After its pod's interface is gone. */
  async forget(hostInterface: string): Promise<void> {
    if (!this.#queued.delete(hostInterface)) return;
    const { gone } = this.#removal.remove({
      interface: queueName(hostInterface),
      isMeant: (link) => queueOwner(link) === hostInterface,
    });
    await gone;
  }

  async #carryOut(
    host: Link,
    { changes, queue, conflicts }: ReturnType<typeof planLimits>,
  ): Promise<readonly string[]> {
    const refused = (await this.#kernel.apply(changes)).find((outcome) => outcome.kind === "failed");
    if (refused) throw refused.error;
    if (queue === "remove") await this.forget(host.name);
    return conflicts;
  }

  async #makeQueue(host: Link): Promise<void> {
    try {
      await this.#kernel.createLink({ kind: "ifb", name: queueName(host.name), mtu: host.mtu });
    } catch (error) {
      const present = isKernelError(error, "EXISTS") ? await this.#kernel.link(queueName(host.name)) : null;
      if (!present) throw error;
      if (queueOwner(present) === host.name) return this.#replaceGoing(host, present);
      const message = `the interface ${present.name} exists and is no queue of Brindle's: remove it`;
      throw new CniError({ code: "CONFLICT", message }, { cause: error });
    }
  }

  /** One that an agent was killed over while it removed it goes still, whoever uses it. */
  async #replaceGoing(host: Link, present: Link): Promise<void> {
    if (present.group !== removalGroup) return;
    await this.#removal.removeIndex(present.index);
    await this.#kernel.createLink({ kind: "ifb", name: present.name, mtu: host.mtu });
  }

  async #find(host: Link, known?: LimitsSnapshot): Promise<FoundLimits> {
    const name = queueName(host.name);
    // Another pod may have the name since all was read.
    const [named, qdiscs] =
      known?.links.get(host.name)?.index === host.index
        ? [known.links.get(name) ?? null, known.qdiscs]
        : await Promise.all([this.#kernel.link(name), this.#kernel.qdiscs()]);
    const queue = named && queueOwner(named) !== null && named.group !== removalGroup ? named : null;
    const at = (index: number | undefined, isRoot: boolean) =>
      qdiscs.find((qdisc) => qdisc.interfaceIndex === index && qdisc.isRoot === isRoot) ?? null;
    if (queue) this.#queued.add(host.name);
    const ingress = at(host.index, false);
    return {
      root: at(host.index, true),
      ingress,
      filters: ingress ? await this.#kernel.ingressFilters(host.index) : [],
      queue,
      queueRoot: at(queue?.index, true),
    };
  }
}

/** In words for whoever asked for a limit. */
export function limitFailure(error: unknown): string | null {
  return error instanceof KernelError
    ? `the kernel of this node does not limit bandwidth as the pod asks (it takes sch_tbf, and for what pods send ifb, sch_ingress, cls_u32 and act_mirred): ${error.message}`
    : null;
}
