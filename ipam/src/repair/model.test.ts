/**
 * Random histories beside a collection of leaks: agents add and remove pods, crash between any two requests, and what they
 * had sent arrives later, also after the pod was removed; nodes go; the collector's own lists and writes are steps like
 * any other, so that it judges what changes while it reads. An address that a pod was told is its own is never taken from
 * it, and when all faults are over and time has passed, nothing is left that nobody has. A history is its seed.
 */
import { MemoryStore, type Store, type WorkloadEndpoint, type Write, workloadEndpointName } from "@brindle/api";
import { formatAddress } from "@brindle/net";
import { describe, expect, it } from "vitest";
import { Allocator } from "../allocator.ts";
import { defaultIpamSettings } from "../assign.ts";
import { addressesOf } from "../block.ts";
import { Collector, type Pass } from "./collector.ts";
import { examine } from "./examine.ts";
import { describeFinding } from "./sentence.ts";

const graceMs = 1_000;
const stepsMax = 250;
const nodes = ["node1", "node2", "node3"];
const podsPerNode = 4;

describe("a collection beside random histories", () => {
  let freed = 0;
  for (const transactions of ["many", "single"] as const) {
    for (let seed = 1; seed <= 25; seed++) {
      it(`harms none of them with transactions of ${transactions} and seed ${seed}`, async () => {
        const world = new World(seed, transactions);
        for (let step = 0; step < stepsMax; step++) {
          await world.step();
          await world.check();
        }
        await world.settle();
        freed += world.freed;
      });
    }
  }

  it("has had something to collect", () => expect(freed).toBeGreaterThan(100));
});

interface Pod {
  readonly name: string;
  readonly node: string;
  readonly uid: string;
  container: string;
  /** What it was told; `null` while it was told nothing. */
  address: string | null;
}

interface Agent {
  readonly allocator: Allocator;
  crashed: boolean;
}

class World {
  readonly #random: () => number;
  readonly #work: (() => void)[] = [];
  readonly #store: MemoryStore;
  readonly #observer: MemoryStore;
  readonly #collector: Collector;
  readonly #agents = new Map<string, Agent>();
  readonly #pods = new Map<string, Pod>();
  readonly #busy = new Map<string, { readonly agent: Agent; readonly sinceMs: number }>();
  readonly #gone = new Set<string>();
  #pass: Promise<void> | null = null;
  #failure: unknown = null;
  #ids = 0;
  #nowMs = 0;
  #nowNs = 1_800_000_000_000_000_000n;
  freed = 0;

  constructor(seed: number, transactions: Store["transactions"]) {
    this.#random = randomFrom(seed);
    this.#store = new MemoryStore({ transactions, schedule: (work) => this.#work.push(work) });
    this.#observer = new MemoryStore({ transactions, data: this.#store.data });
    this.#collector = new Collector({
      store: this.#store,
      kubernetes: async () => this.#kubernetes(),
      nowMs: () => this.#nowMs,
    });
    for (const node of nodes) this.#restart(node);
  }

  async step(): Promise<void> {
    this.#nowNs += 1n;
    const dice = this.#random();
    if (dice < 0.6 && this.#work.length > 0) await this.#runOne();
    else if (dice < 0.63) this.#crash(this.#pick(nodes));
    else if (dice < 0.64) this.#store.loseReplies(1);
    else if (dice < 0.7) this.#collect();
    else if (dice < 0.75) this.#passTime();
    else if (dice < 0.755) this.#nodeGoes();
    else this.#ask();
  }

  /** Whoever was told an address has it, and nobody else. */
  async check(): Promise<void> {
    if (this.#failure) throw this.#failure;
    const { items } = await this.#observer.list("IPAMBlock");
    const told = [...this.#pods.values()].flatMap((pod) => (pod.address === null ? [] : [{ ...pod }]));
    expect(new Set(told.map(({ address }) => address)).size).toBe(told.length);
    for (const { container, address } of told) {
      const held = items.flatMap(({ value }) => addressesOf(value, `net.${container}`));
      expect(held.map((one) => formatAddress(one.address))).toContain(address);
    }
  }

  /** No more faults: what lives stays, all else is collected, and nothing is wrong. */
  async settle(): Promise<void> {
    for (const node of nodes) this.#crash(node);
    await this.#drain();
    for (const pod of [...this.#pods.values()]) if (pod.address === null) await this.#podGoes(pod);
    for (let i = 0; i < 8; i++) {
      this.#collect();
      await this.#drain();
      this.#nowMs += graceMs;
      await this.check();
    }
    const { facts } = await this.#observerPass();
    expect(examine(facts).map(describeFinding)).toEqual([]);
    const blocks = await this.#observer.list("IPAMBlock");
    const held = blocks.items.flatMap(({ value }) => value.allocations.filter((index) => index !== null));
    expect(held).toHaveLength([...this.#pods.values()].filter(({ address }) => address !== null).length);
  }

  #observerPass(): Promise<Pass> {
    const ports = { store: this.#observer, kubernetes: async () => this.#kubernetes(), nowMs: () => 0 };
    return new Collector(ports).pass({ isMeant: () => true, graceMs: () => graceMs, dryRun: true });
  }

  #kubernetes() {
    const pods = [...this.#pods.values()].map(({ name, node }) => [`default/${name}`, { node }] as const);
    return {
      nodes: new Set(nodes.filter((node) => !this.#gone.has(node))),
      nodesAway: new Set<string>(),
      pods: this.#store.transactions === "many" ? new Map(pods) : null,
    };
  }

  #collect(): void {
    this.#pass ??= this.#collector
      .pass({ isMeant: () => true, graceMs: () => graceMs })
      .then(({ repaired }) => {
        this.freed += repaired.length;
      })
      .catch((error) => {
        if (error?.failure?.code !== "UNAVAILABLE") this.#failure = error;
      })
      .finally(() => {
        this.#pass = null;
      });
  }

  /** A request that lives ends long before the time is over: its deadline is a fraction of it. */
  #passTime(): void {
    const isOld = [...this.#busy.values()].some(({ sinceMs }) => this.#nowMs - sinceMs >= graceMs / 4);
    if (!isOld) this.#nowMs += graceMs / 4;
  }

  #ask(): void {
    const node = this.#pick(nodes);
    const own = [...this.#pods.values()].filter((pod) => pod.node === node && !this.#busy.has(pod.name));
    const dice = this.#random();
    if (own.length < podsPerNode && !this.#gone.has(node) && dice < 0.4) this.#podComes(node);
    const pod = own[Math.floor(this.#random() * own.length)];
    if (!pod) return;
    if (dice < 0.7) this.#add(pod);
    else if (dice < 0.9) this.#del(pod);
    else void this.#podGoes(pod);
  }

  #podComes(node: string): void {
    const id = ++this.#ids;
    const pod = { name: `pod${id}`, node, uid: `uid${id}`, container: `c${id}`, address: null };
    this.#pods.set(pod.name, pod);
    // Where endpoints are the pods themselves, there is one without an address.
    if (this.#store.transactions === "single") void this.#observer.commit([endpointWrite(pod, [])]);
  }

  /** At the API alone: whether its DEL comes is another question. */
  async #podGoes(pod: Pod): Promise<void> {
    this.#pods.delete(pod.name);
    if (this.#store.transactions === "single") await removeEndpoint(this.#observer, pod);
  }

  #add(pod: Pod): void {
    const { container } = pod;
    this.#request(pod, async ({ allocator }) => {
      const result = await allocator.assign({
        handleId: `net.${container}`,
        attributes: { namespace: "default", pod: pod.name },
        families: [4],
        extraWrites: (held) => [
          endpointWrite(
            { ...pod, container },
            held.map(({ address }) => formatAddress(address)),
          ),
        ],
      });
      if (result.kind !== "assigned" || pod.container !== container) return;
      pod.address = result.addresses.map(({ address }) => formatAddress(address))[0] ?? null;
    });
  }

  /** A container that is removed is followed by another one. */
  #del(pod: Pod): void {
    const { container } = pod;
    pod.address = null;
    this.#request(pod, async ({ allocator }, store) => {
      const key = endpointWrite(pod, []).key;
      const present = await store.get(key);
      const isOwn = present?.value !== undefined && (present.value as WorkloadEndpoint).spec.containerID === container;
      const isPod = store.transactions === "single";
      const extraWrites: Write[] = !isOwn
        ? []
        : isPod
          ? [endpointWrite(pod, [])]
          : [{ op: "delete", key, revision: present.revision }];
      const result = await allocator.release(`net.${container}`, { extraWrites });
      if (result.kind === "released") pod.container = `c${++this.#ids}`;
    });
  }

  #request(pod: Pod, work: (agent: Agent, store: Pick<Store, "get" | "transactions">) => Promise<void>): void {
    const agent = this.#agents.get(pod.node);
    if (!agent) throw new RangeError(pod.node);
    this.#busy.set(pod.name, { agent, sinceMs: this.#nowMs });
    void work(
      agent,
      this.#storeOf(() => agent.crashed),
    )
      .catch((error) => {
        if (error?.failure?.code !== "UNAVAILABLE") this.#failure = error;
      })
      .finally(() => {
        if (!agent.crashed) this.#busy.delete(pod.name);
      });
  }

  #crash(node: string): void {
    const agent = this.#agents.get(node);
    if (agent) agent.crashed = true;
    for (const [name, { agent: by }] of this.#busy) {
      if (by !== agent) continue;
      this.#busy.delete(name);
      // The runtime gives up on that container, and its deletion is kept; here it is lost, which is worse.
      const pod = this.#pods.get(name);
      if (pod) Object.assign(pod, { container: `c${++this.#ids}`, address: null });
    }
    this.#restart(node);
  }

  #nodeGoes(): void {
    const node = this.#pick(nodes);
    if (this.#gone.size > 0) return;
    this.#gone.add(node);
    this.#crash(node);
    for (const pod of [...this.#pods.values()].filter((one) => one.node === node)) void this.#podGoes(pod);
  }

  #restart(node: string): void {
    const agent: Agent = {
      crashed: false,
      allocator: new Allocator(
        { node },
        { store: this.#storeOf(() => agent.crashed), now: () => this.#nowNs, view: () => view },
      ),
    };
    this.#agents.set(node, agent);
  }

  /** A process that has crashed sends nothing more. */
  #storeOf(isCrashed: () => boolean): Pick<Store, "get" | "list" | "commit" | "transactions"> {
    const never = new Promise<never>(() => {});
    const store = this.#store;
    return {
      transactions: store.transactions,
      get: (key) => (isCrashed() ? never : store.get(key)),
      list: (kind, scope) => (isCrashed() ? never : store.list(kind, scope)),
      commit: (writes) => (isCrashed() ? never : store.commit(writes)),
    };
  }

  async #drain(): Promise<void> {
    while (this.#work.length > 0 || this.#pass) {
      await this.#runOne();
      await this.check();
    }
  }

  async #runOne(): Promise<void> {
    const [work] = this.#work.splice(Math.floor(this.#random() * this.#work.length), 1);
    work?.();
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#store.transactions === "single") await this.#forgetGhosts();
  }

  /** The API server refuses to annotate a pod that is gone; a store in memory would make it anew. */
  async #forgetGhosts(): Promise<void> {
    const { items } = await this.#observer.list("WorkloadEndpoint");
    for (const { key, value, revision } of items)
      if (!this.#pods.has(value.spec.pod ?? "")) await this.#observer.commit([{ op: "delete", key, revision }]);
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.#random() * items.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }
}

function endpointWrite({ name: pod, node, uid, container }: Omit<Pod, "address">, addresses: readonly string[]) {
  const name = workloadEndpointName({ node, orchestrator: "k8s", pod, endpoint: "eth0" });
  const value: WorkloadEndpoint = {
    apiVersion: "projectcalico.org/v3",
    kind: "WorkloadEndpoint",
    metadata: { namespace: "default", name, annotations: { "brindle.network/pod-uid": uid } },
    spec: {
      ...{ orchestrator: "k8s", node, pod, endpoint: "eth0" },
      ...(addresses.length > 0 && { containerID: container }),
      ...(addresses.length > 0 && { ipNetworks: addresses.map((address) => `${address}/32`) }),
    },
  };
  return { op: "put" as const, key: { kind: "WorkloadEndpoint" as const, namespace: "default", name }, value };
}

async function removeEndpoint(store: Store, pod: Pod): Promise<void> {
  const { key } = endpointWrite(pod, []);
  const item = await store.get(key);
  if (item) await store.commit([{ op: "delete", key, revision: item.revision }]);
}

const view = {
  pools: [
    {
      apiVersion: "projectcalico.org/v3" as const,
      kind: "IPPool" as const,
      metadata: { name: "pods" },
      spec: { cidr: "10.0.0.0/27", blockSize: 30 },
    },
  ],
  nodeLabels: {},
  reserved: [],
  settings: defaultIpamSettings,
};

/** Mulberry32: small, and the same everywhere. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
