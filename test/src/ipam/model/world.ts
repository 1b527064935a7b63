/**
 * Nodes, their agents and pods, a collector and a datastore that fails, one chosen thing after the other. What an agent asks the
 * datastore for is done when the history says so, in any order; a process that is killed sends nothing more, and what it had sent is
 * done later, or never. `Picture` looks at every write.
 */
import { MemoryData, MemoryStore, type Store, StoreError } from "@brindle/api";
import { Allocator, type AssignResult, Collector, describeFinding, examine, type Pass } from "@brindle/ipam";
import { formatAddress, parseAddress } from "@brindle/net";
import { Picture } from "./picture.ts";
import { endpointGoes, endpointWrite, handleOf, type Pod, sameFamily } from "./pods.ts";
import type { Chance } from "./random.ts";
import { Ranges, requireWithin } from "./ranges.ts";
import { Settings } from "./settings.ts";
import { type Sent, Wire } from "./wire.ts";

export interface WorldOptions {
  readonly transactions: Store["transactions"];
  readonly nodes: number;
  readonly podsPerNode: number;
  /** The prefix length of the pool of IPv4, which is 10.0.0.0; its blocks have four addresses. */
  readonly poolLength: number;
  /** Each node has a part of that pool for itself, as Kubernetes gives out podCIDRs; of IPv6 all have all. */
  readonly hasRanges?: boolean;
}

interface Agent {
  readonly allocator: Allocator;
  isKilled: boolean;
}

const graceMs = 1_000;
const kinds = ["many", "single"] as const;
export const stores: readonly Store["transactions"][] = kinds;

export class World {
  readonly counts = { operations: 0, writes: 0, kills: 0, repairs: 0 };
  readonly #options: WorldOptions;
  readonly #data = new MemoryData();
  readonly #observer: MemoryStore;
  readonly #store: MemoryStore;
  readonly #picture: Picture;
  readonly #settings: Settings;
  readonly #collector: Collector;
  readonly #wire: Wire<Agent>;
  readonly #agents = new Map<string, Agent>();
  readonly #pods = new Map<string, Pod>();
  readonly #busy = new Map<string, { readonly agent: Agent; readonly sinceMs: number }>();
  readonly #gone = new Set<string>();
  readonly #nodes: readonly string[];
  readonly #ranges: Ranges | null;
  #pass: Promise<void> | null = null;
  #failure: unknown = null;
  #ids = 0;
  #nowMs = 0;
  readonly #nowNs = (): bigint => BigInt(this.#nowMs) * 1_000_000n + 1_800_000_000_000_000_000n;

  constructor(options: WorldOptions) {
    const { transactions, nodes } = options;
    this.#options = options;
    this.#nodes = Array.from({ length: nodes }, (_, i) => `node${i}`);
    this.#ranges = options.hasRanges ? new Ranges(this.#nodes, options.poolLength) : null;
    this.#wire = new Wire(this.#data, transactions);
    this.#store = this.#wire.store;
    this.#observer = new MemoryStore({ transactions, data: this.#data });
    this.#picture = new Picture(this.#data, { isWhole: transactions === "many" });
    this.#settings = new Settings(this.#data, options.poolLength);
    this.#collector = new Collector({
      store: this.#wire.from(() => null),
      kubernetes: async () => this.#kubernetes(),
      nowMs: () => this.#nowMs,
      now: this.#nowNs,
    });
    for (const node of this.#nodes) this.#restart(node);
  }

  /** One thing happens, and then whatever follows from it without the datastore. */
  async step(chance: Chance): Promise<void> {
    const dice = chance.part();
    // It is away for some ten steps.
    if (dice > 0.3 && dice < 0.4) this.#store.reconnect();
    if (dice < 0.62 && !this.#wire.isIdle) await this.#runSome(chance);
    else if (dice < 0.9) this.#ask(chance);
    else await this.#trouble(chance);
    await this.#settleDown();
  }

  /** No more faults: what lives keeps what it was told, all else is collected, and nothing is wrong. */
  async settle(chance: Chance): Promise<void> {
    this.#store.reconnect();
    this.#settings.reset();
    for (const node of this.#nodes) this.#kill(node);
    await this.#drain(chance);
    for (const pod of [...this.#pods.values()]) if (pod.told === null) await this.#podGoes(pod);
    for (let i = 0; i < 8; i++) {
      this.#collect();
      await this.#drain(chance);
      this.#nowMs += graceMs;
    }
    const findings = examine((await this.#look()).facts).map(describeFinding);
    if (findings.length > 0) throw new Error(`left after collection: ${findings.join("; ")}`);
    // What a pod was told it has, as every write was held to; of a second family it may not have been told.
    const living = new Set([...this.#pods.values()].map(({ container }) => handleOf(container)));
    for (const [address, handle] of this.#picture.held())
      if (!living.has(handle)) throw new Error(`left after collection: ${address} of ${handle}, which nobody has`);
  }

  #ask(chance: Chance): void {
    this.counts.operations++;
    const node = chance.pick(this.#nodes);
    const own = [...this.#podsOf(node)].filter(({ name }) => !this.#busy.has(name));
    const dice = chance.part();
    if (dice < 0.04) {
      void this.#garbage(node);
      return;
    }
    const isFull = own.length >= this.#options.podsPerNode || this.#gone.has(node);
    const isNew = !isFull && (own.length === 0 || dice < 0.35);
    const pod = isNew ? this.#podComes(node) : own[chance.below(own.length)];
    if (!pod) return;
    if (isNew) this.#add(pod, chance);
    else if (dice < 0.6) this.#add(pod, chance);
    else if (dice < 0.7) this.#checkPod(pod);
    else if (dice < 0.92) this.#del(pod);
    else void this.#podGoes(pod);
  }

  async #trouble(chance: Chance): Promise<void> {
    this.counts.operations++;
    const dice = chance.part();
    if (dice < 0.2) this.#kill(chance.pick(this.#nodes));
    else if (dice < 0.3) this.#killAtWrite(chance);
    else if (dice < 0.4) this.#store.loseReplies(1);
    else if (dice < 0.42) this.#store.disconnect("it is away");
    else if (dice < 0.62) this.#collect();
    else if (dice < 0.75) this.#passTime();
    else if (dice < 0.79) await this.#nodeGoes(chance.pick(this.#nodes));
    else if (dice < 0.82) this.#nodeComes(chance);
    else if (dice < 0.9) this.#changePools(chance);
    else if (dice < 0.95) this.#settings.changeConfig(chance);
    else this.#settings.keep(chance, [...this.#pods.values()]);
  }

  #podComes(node: string): Pod {
    const id = ++this.#ids;
    const pod = { name: `pod${id}`, node, uid: `uid${id}`, container: `c${id}`, told: null };
    this.#pods.set(pod.name, pod);
    // Where endpoints are the pods themselves, there is one without an address.
    if (this.#store.transactions === "single") void this.#observer.commit([endpointWrite(pod, [])]);
    return pod;
  }

  /** At the API alone: whether its DEL comes is another question. */
  async #podGoes(pod: Pod): Promise<void> {
    this.#pods.delete(pod.name);
    this.#picture.forget(handleOf(pod.container));
    if (this.#store.transactions === "single") await this.#removeEndpoint(pod);
  }

  /** Some ask for an address by itself, some for one family; most for both. */
  #add(pod: Pod, chance: Chance): void {
    const { container } = pod;
    const dice = chance.part();
    const families = dice < 0.8 ? ([4, 6] as const) : ([4] as const);
    const wanted = dice > 0.95 ? parseAddress(`10.0.0.${chance.below(16)}`) : null;
    const within = this.#ranges?.of(pod.node);
    this.#request(pod, async ({ allocator }) => {
      const result = await allocator.assign({
        handleId: handleOf(container),
        attributes: { namespace: "default", pod: pod.name },
        families: [...families],
        ...(wanted && { addresses: [wanted] }),
        ...(within && { within }),
        extraWrites: (held) => [
          endpointWrite(
            { ...pod, container },
            held.map(({ address }) => formatAddress(address)),
          ),
        ],
      });
      if (within) requireWithin(within, result);
      this.#onAssigned(pod, container, result);
    });
  }

  #onAssigned(pod: Pod, container: string, result: AssignResult): void {
    if (result.kind === "invalidBlock") throw new Error(`${result.block}: ${result.problems.join("; ")}`);
    if (pod.container !== container || !this.#pods.has(pod.name)) return;
    const before = pod.told;
    if (result.kind !== "assigned") {
      if (before && result.kind !== "addressRefused" && result.kind !== "contended" && result.kind !== "poolExhausted")
        throw new Error(`${pod.name} has ${before.join()} and is told ${result.kind}`);
      return;
    }
    const told = result.addresses.map(({ address }) => formatAddress(address)).toSorted();
    if (new Set(result.addresses.map(({ address }) => address.family)).size < told.length)
      throw new Error(`${pod.name} is told ${told.join()}: more than one of a family`);
    const lost = (before ?? []).filter((address) => !told.includes(address) && sameFamily(address, told));
    if (lost.length > 0) throw new Error(`${pod.name} had ${lost.join()} and is told ${told.join()}`);
    pod.told = [...new Set([...(before ?? []), ...told])];
    this.#picture.tell(handleOf(container), told);
  }

  /** CHECK: what it was told is what the datastore says. */
  #checkPod({ container, told }: Pod): void {
    if (!told) return;
    this.#picture.catchUp();
    const held = this.#picture.heldBy(handleOf(container));
    for (const address of told)
      if (!held.includes(address)) throw new Error(`CHECK of ${container}: ${address} is not among ${held.join()}`);
  }

  /** A container that is removed is followed by another one. */
  #del(pod: Pod): void {
    const { container } = pod;
    pod.told = null;
    this.#picture.forget(handleOf(container));
    this.#request(pod, async ({ allocator }, store) => {
      const extraWrites = await endpointGoes(pod, container, store);
      const result = await allocator.release(handleOf(container), { extraWrites });
      if (result.kind === "released" && pod.container === container) pod.container = `c${++this.#ids}`;
    });
  }

  /** GC: what is of this node and of none of its containers is freed. Of one that comes meanwhile the plugin leaves all. */
  async #garbage(node: string): Promise<void> {
    const agent = this.#agentOf(node);
    const isValid = (handle: string) =>
      [...this.#pods.values()].some(({ container }) => handleOf(container) === handle);
    const store = this.#wire.from(() => agent);
    try {
      const { items } = await store.list("IPAMBlock");
      const held = items.flatMap(({ value }) =>
        value.attributes.flatMap(({ handle_id: id, secondary }) => (secondary?.node === node && id ? [id] : [])),
      );
      for (const id of new Set(held)) if (!isValid(id) && !agent.isKilled) await agent.allocator.release(id);
    } catch (error) {
      this.#onError(error);
    }
  }

  #request(pod: Pod, work: (agent: Agent, store: Pick<Store, "get" | "transactions">) => Promise<void>): void {
    const agent = this.#agentOf(pod.node);
    this.#busy.set(pod.name, { agent, sinceMs: this.#nowMs });
    void work(
      agent,
      this.#wire.from(() => agent),
    )
      .catch((error) => this.#onError(error))
      .finally(() => {
        if (!agent.isKilled) this.#busy.delete(pod.name);
      });
  }

  #onError(error: unknown): void {
    if (!(error instanceof StoreError)) this.#failure ??= error;
  }

  #kill(node: string): void {
    this.counts.kills++;
    const agent = this.#agentOf(node);
    agent.isKilled = true;
    for (const [name, { agent: by }] of this.#busy) {
      if (by !== agent) continue;
      this.#busy.delete(name);
      // The runtime gives up on that container, and its deletion is kept; here it is lost, which is worse.
      const pod = this.#pods.get(name);
      if (!pod) continue;
      this.#picture.forget(handleOf(pod.container));
      Object.assign(pod, { container: `c${++this.#ids}`, told: null });
    }
    this.#restart(node);
  }

  /** Where something of it is under way: before that is done, or after, when nobody is told. */
  #killAtWrite(chance: Chance): void {
    const work = this.#wire.intercept(chance);
    const [node] = [...this.#agents].find(([, agent]) => agent === work?.sender) ?? [];
    if (!work || node === undefined) return;
    this.#kill(node);
    if (chance.part() < 0.5) work.run();
  }

  async #nodeGoes(node: string): Promise<void> {
    if (this.#gone.size * 3 > this.#nodes.length) return;
    this.#gone.add(node);
    this.#kill(node);
    for (const pod of [...this.#podsOf(node)]) await this.#podGoes(pod);
  }

  /** With a range that a node had which is gone, perhaps another one. */
  #nodeComes(chance: Chance): void {
    const node = chance.pick(this.#nodes);
    if (!this.#gone.has(node)) return;
    this.#ranges?.exchange(node, chance.pick([...this.#gone]));
    this.#gone.delete(node);
  }

  /** Blocks of another size are made where nobody is making any: what has no transactions can rule that out no other way. */
  #changePools(chance: Chance): void {
    if (this.#store.transactions === "many" || this.#wire.isIdle) this.#settings.changePools(chance);
  }

  #collect(): void {
    this.#pass ??= this.#collector
      .pass({ isMeant: () => true, graceMs: () => graceMs })
      .then(({ repaired }) => {
        this.counts.repairs += repaired.length;
      })
      .catch((error) => this.#onError(error))
      .finally(() => {
        this.#pass = null;
      });
  }

  #look(): Promise<Pass> {
    const [store, now] = [this.#observer, this.#nowNs];
    const collector = new Collector({ store, now, kubernetes: async () => this.#kubernetes(), nowMs: () => 0 });
    return collector.pass({ isMeant: () => true, graceMs: () => graceMs, dryRun: true });
  }

  /** A request that lives ends long before the time is over: its deadline is a fraction of it. */
  #passTime(): void {
    const isOld = [...this.#busy.values()].some(({ sinceMs }) => this.#nowMs - sinceMs >= graceMs / 4);
    if (!isOld) this.#nowMs += graceMs / 4;
  }

  #kubernetes() {
    const pods = [...this.#pods.values()].map(({ name, node }) => [`default/${name}`, { node }] as const);
    return {
      nodes: new Set(this.#nodes.filter((node) => !this.#gone.has(node))),
      nodesAway: new Set<string>(),
      pods: this.#store.transactions === "many" ? new Map(pods) : null,
    };
  }

  #restart(node: string): void {
    const agent: Agent = {
      isKilled: false,
      allocator: new Allocator(
        { node },
        { store: this.#wire.from(() => agent), now: this.#nowNs, view: () => this.#settings.view(node) },
      ),
    };
    this.#agents.set(node, agent);
  }

  async #runSome(chance: Chance): Promise<void> {
    for (let i = 1 + chance.below(3); i > 0 && !this.#wire.isIdle; i--) {
      await this.#run(this.#wire.next(chance));
    }
  }

  async #drain(chance: Chance): Promise<void> {
    while (!this.#wire.isIdle || this.#pass) {
      if (this.#wire.isIdle) throw new Error("a pass waits for nothing");
      await this.#run(this.#wire.next(chance));
    }
  }

  async #run(work: Sent<Agent> | undefined): Promise<void> {
    const before = this.#data.revision;
    work?.run();
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#data.revision !== before) this.counts.writes++;
    if (this.#store.transactions === "single" && this.#data.revision !== before) await this.#forgetGhosts();
    this.#picture.catchUp();
  }

  async #settleDown(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#picture.catchUp();
    this.#data.compact();
    if (this.#failure) throw this.#failure;
  }

  /** The API server refuses to annotate a pod that is gone; a store in memory would make it anew. */
  async #forgetGhosts(): Promise<void> {
    for (const { key } of this.#data.entriesUnder(["/calico/resources/v3/projectcalico.org/workloadendpoints/"])) {
      const [, pod = ""] = /-k8s-(pod\d+)-eth0$/.exec(key) ?? [];
      if (!this.#pods.has(pod)) this.#data.writeText(key, null);
    }
  }

  async #removeEndpoint(pod: Pod): Promise<void> {
    const { key } = endpointWrite(pod, []);
    const item = await this.#observer.get(key);
    if (item) await this.#observer.commit([{ op: "delete", key, revision: item.revision }]);
  }

  #podsOf(node: string): Iterable<Pod> {
    return [...this.#pods.values()].filter((pod) => pod.node === node);
  }

  #agentOf(node: string): Agent {
    const agent = this.#agents.get(node);
    if (!agent) throw new RangeError(node);
    return agent;
  }
}
