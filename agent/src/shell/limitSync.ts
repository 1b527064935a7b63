/**
 * Keeps limits of bandwidth at what the endpoints of this node say: wiring has made them, and while nobody changes an endpoint there
 * is nothing to do. So it looks when an endpoint says something else, when the agent starts, and by the timer.
 */
import type { QosControls, WorkloadEndpoint } from "@brindle/api";
import { bandwidthOwner, type NetworkLists, ownLimits } from "@brindle/cni";
import type { PolicyUpdate } from "@brindle/policy";
import { messageOf } from "../error.ts";
import { CoalescedWork } from "./coalescedWork.ts";
import { PendingLook } from "./pendingLook.ts";
import { type LimitWish, limitFailure } from "./wiring/limiter.ts";
import type { Links } from "./wiring/links.ts";

export interface LimitSyncPorts {
  /** Before it is, an endpoint that nobody has told yet would be taken for one that asks for nothing. */
  readonly isInSync: () => boolean;
  readonly lists: NetworkLists | undefined;
  /** `null` when all limits are in the kernel. */
  readonly onHealth: (problem: string | null) => void;
}

/** How often one pod's is tried again by itself, and after how long first; each time twice as long. */
const retriesMax = 6;
const retryDelayMsMin = 100;

type LimitedLinks = Pick<Links, "limit" | "limited">;

interface Limited {
  readonly hostInterface: string;
  readonly controls: QosControls | null;
  readonly annotations: Readonly<Record<string, string>>;
}

export class LimitSync {
  readonly #node: string;
  readonly #ports: LimitSyncPorts;
  readonly #work: CoalescedWork;
  /** Endpoints of this node that ask for limits, by namespace and name. */
  readonly #asked = new Map<string, Limited>();
  /** At the node's ends of pods. */
  readonly #pending = new PendingLook({ isWhole: false });
  readonly #problems = new Map<string, string>();
  /** How often those have failed since they did not. One that fails is no failure of the work: nobody waits for it. */
  readonly #failures = new Map<string, number>();
  #retry: NodeJS.Timeout | undefined;
  /** `null` before pods are wired by this agent. */
  #links: LimitedLinks | null = null;
  /** Whether there were any at the last look at all of the kernel: where nobody asks for any, none is taken. */
  #hadSome = true;

  constructor(node: string, ports: LimitSyncPorts) {
    this.#node = node;
    this.#ports = ports;
    this.#work = new CoalescedWork({
      work: () => this.#sync(),
      onFailure: (error) => ports.onHealth(`limits of bandwidth: ${messageOf(error)}`),
    });
  }

  /** From now on the kernel is looked at, once the datastore is in sync. */
  start(links: LimitedLinks): void {
    this.#links = links;
    void this.resync();
  }

  /** Of one that cannot be read the limits stay. */
  receive({ key, value, unreadable }: PolicyUpdate): void {
    if (key.kind !== "WorkloadEndpoint" || unreadable) return;
    const endpoint = value?.kind === "WorkloadEndpoint" && value.spec.node === this.#node ? value : null;
    if (!endpoint && this.#asked.size === 0) return; // As nearly all of a cluster's.
    const id = `${key.namespace ?? ""}/${key.name}`;
    const limited = endpoint && limitedOf(endpoint);
    const before = this.#asked.get(id) ?? null;
    if (JSON.stringify(limited) === JSON.stringify(before)) return;
    this.#hadSome = true;
    if (limited) this.#asked.set(id, limited);
    else this.#asked.delete(id);
    for (const one of [limited, before]) if (one) this.#changed(one.hostInterface);
    if (this.#links && this.#ports.isInSync()) this.#work.ask();
  }

  /** Compares all with the kernel. Resolves when that is done, whatever it refuses a pod, or nothing can be said yet. */
  resync(): Promise<void> {
    if (!this.#links || !this.#ports.isInSync() || (this.#asked.size === 0 && !this.#hadSome))
      return this.#work.settled();
    this.#pending.addAll();
    this.#work.ask();
    return this.#work.settled();
  }

  end(): Promise<void> {
    return this.#work.end().finally(() => clearTimeout(this.#retry));
  }

  async #sync(): Promise<void> {
    const links = this.#links;
    if (!links) return;
    await this.#pending.take(({ isWhole, changed }) =>
      isWhole ? this.#all(links, changed) : this.#some(links, changed),
    );
    const [first] = this.#problems.values();
    this.#ports.onHealth(first ?? null);
    this.#tryAgain();
  }

  /** What keeps failing is left to the next look at all, or until its endpoint says something else. */
  #tryAgain(): void {
    clearTimeout(this.#retry);
    const failed = [...this.#failures].filter(([, times]) => times <= retriesMax);
    if (failed.length === 0) return;
    const delayMs = retryDelayMsMin * 2 ** (Math.min(...failed.map(([, times]) => times)) - 1);
    this.#retry = setTimeout(() => {
      for (const [hostInterface] of failed) this.#pending.add(hostInterface);
      this.#work.ask();
    }, delayMs).unref();
  }

  #changed(hostInterface: string): void {
    this.#pending.add(hostInterface);
    this.#failures.delete(hostInterface);
  }

  async #all(links: LimitedLinks, changed: readonly string[]): Promise<void> {
    const { pods, known } = await links.limited();
    this.#hadSome = pods.length > 0;
    this.#problems.clear();
    const asking = [...this.#asked.values()].map(({ hostInterface }) => hostInterface);
    const all = new Set([...pods, ...asking, ...changed, ...this.#failures.keys()]);
    await Promise.all([...all].map((one) => this.#limit(links, one, known)));
  }

  async #some(links: LimitedLinks, changed: readonly string[]): Promise<void> {
    await Promise.all(changed.map((one) => this.#limit(links, one)));
  }

  async #limit(
    links: LimitedLinks,
    hostInterface: string,
    known?: Awaited<ReturnType<Links["limited"]>>["known"],
  ): Promise<void> {
    const wishOf = async (network: string | null): Promise<LimitWish> => {
      const asked = [...this.#asked.values()].find((one) => one.hostInterface === hostInterface);
      if (!asked) return { controls: null };
      const { lists } = this.#ports;
      const owner = await bandwidthOwner(asked.annotations, { network: network ?? "", lists });
      // Of a list that is in no file, whoever wired the pod knew more: what it has made stays.
      if (owner === "unknown") return { controls: asked.controls, isOfPresent: true };
      return { controls: ownLimits(asked.controls, owner === "plugin") };
    };
    try {
      const [conflict] = await links.limit(hostInterface, { wishOf, ...(known && { known }) });
      this.#failures.delete(hostInterface);
      if (conflict === undefined) this.#problems.delete(hostInterface);
      else this.#problems.set(hostInterface, conflict);
    } catch (error) {
      this.#failures.set(hostInterface, (this.#failures.get(hostInterface) ?? 0) + 1);
      this.#problems.set(
        hostInterface,
        `limits of bandwidth of ${hostInterface}: ${limitFailure(error) ?? messageOf(error)}`,
      );
    }
  }
}

function limitedOf({ metadata, spec }: WorkloadEndpoint): Limited | null {
  const { qosControls, interfaceName } = spec;
  if (!qosControls || !interfaceName) return null;
  return { hostInterface: interfaceName, controls: qosControls, annotations: metadata.annotations ?? {} };
}
