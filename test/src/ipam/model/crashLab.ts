/** A small cluster whose every state can be returned to, and processes that are killed at a given request. */
import {
  type BlockAffinity,
  type IPPool,
  MemoryData,
  type MemorySnapshot,
  MemoryStore,
  type Store,
  type WorkloadEndpoint,
  type Write,
  workloadEndpointName,
} from "@brindle/api";
import {
  Allocator,
  adopt,
  type ClusterView,
  Collector,
  defaultIpamSettings,
  describeFinding,
  examine,
  type KubernetesFacts,
} from "@brindle/ipam";
import { type Family, formatAddress, parseAddress } from "@brindle/net";
import { Picture } from "./picture.ts";

export interface Scenario {
  /** With an article, as in "a kill at any point of ...". */
  readonly name: string;
  readonly prepare?: (lab: CrashLab) => Promise<unknown>;
  readonly act: (lab: CrashLab) => Promise<unknown>;
}

export interface Point {
  /** Which of its requests to the datastore, reads too. */
  readonly at: number;
  readonly when: "before" | "after";
}

type Ports = Pick<Store, "get" | "list" | "commit" | "transactions">;

interface AddOptions {
  readonly node?: string;
  readonly families?: readonly Family[];
  readonly address?: string;
}

interface Pod {
  readonly node: string;
  readonly told: readonly string[];
}

type Pods = ReadonlyMap<string, Pod>;

const graceMs = 1_000;
/** One to see it, one to repair it, one for what that makes possible. */
const passes = 3;
const nodes = ["node1", "node2"];
/** Two blocks of four of each family. */
const pools = [pool("four", "10.0.0.0/29", 30), pool("six", "fd00::/125", 126)];

export class CrashLab {
  readonly #transactions: Store["transactions"];
  readonly #data = new MemoryData();
  /** Past all kills. */
  readonly #observer: MemoryStore;
  #process: Ports;
  /** By name: where a pod runs, and what it was told. Some have no address yet. */
  #pods: Map<string, Pod> = new Map();
  #gone = new Set<string>();
  #begun: { readonly data: MemorySnapshot; readonly pods: Pods; readonly gone: ReadonlySet<string> } | null = null;
  #nowMs = 0;
  #adoptsFirst = false;

  constructor(transactions: Store["transactions"]) {
    this.#transactions = transactions;
    this.#observer = new MemoryStore({ transactions, data: this.#data });
    this.#process = this.#observer;
  }

  static async begun({ prepare }: Scenario, transactions: Store["transactions"]): Promise<CrashLab> {
    const lab = new CrashLab(transactions);
    for (const value of pools)
      await lab.#observer.commit([{ op: "put", key: { kind: "IPPool", name: value.metadata.name }, value }]);
    await prepare?.(lab);
    lab.#begun = { data: lab.#data.snapshot(), pods: new Map(lab.#pods), gone: new Set(lab.#gone) };
    return lab;
  }

  /** Of the work when nobody kills it. */
  async requestsOf({ act }: Scenario): Promise<number> {
    const counted = this.#killedAt(null);
    await act(this);
    this.#process = this.#observer;
    return counted.requests;
  }

  async kill({ act }: Scenario, point: Point): Promise<void> {
    for (const after of [this.#again, this.#undone, this.#left]) {
      this.#return();
      await this.#killed(act, point);
      this.#expectPromises();
      await after.call(this, act);
      this.#expectPromises();
    }
  }

  async add(pod: string, { node = "node1", families = [4, 6], address }: AddOptions = {}): Promise<void> {
    const known = this.#pods.get(pod);
    if (!known) this.#pods.set(pod, { node, told: [] });
    // Where endpoints are the pods, Kubernetes made one before anybody asks for addresses.
    if (this.#transactions === "single" && !known) await this.#observer.commit([endpointWrite(pod, node, [])]);
    const wanted = address === undefined ? null : parseAddress(address);
    const result = await this.#allocator(node).assign({
      handleId: handleOf(pod),
      attributes: { namespace: "default", pod },
      families: wanted ? [wanted.family] : families,
      ...(wanted && { addresses: [wanted] }),
      extraWrites: (held) => [
        endpointWrite(
          pod,
          node,
          held.map((one) => formatAddress(one.address)),
        ),
      ],
    });
    if (result.kind !== "assigned") throw new Error(`${pod} got ${JSON.stringify(result, jsonable)}`);
    const told = result.addresses.map((one) => formatAddress(one.address)).toSorted();
    const lost = (known?.told ?? []).filter((one) => !told.includes(one));
    if (lost.length > 0) throw new Error(`${pod} had ${lost.join()} and got ${told.join()}`);
    this.#pods.set(pod, { node, told });
  }

  async addAll(names: readonly string[], node = "node1"): Promise<void> {
    for (const name of names) await this.add(name, { node });
  }

  async del(pod: string, { restSeconds = 0 }: { readonly restSeconds?: number } = {}): Promise<void> {
    const { node } = this.#podOf(pod);
    this.#pods.set(pod, { node, told: [] });
    const item = await this.#observer.get(endpointWrite(pod, node, []).key);
    const goes: readonly Write[] =
      this.#transactions === "single"
        ? [endpointWrite(pod, node, [])]
        : item
          ? [{ op: "delete", key: item.key, revision: item.revision }]
          : [];
    const result = await this.#allocator(node, restSeconds).release(handleOf(pod), { extraWrites: goes });
    if (result.kind !== "released") throw new Error(`${pod} was not released: ${result.kind}`);
  }

  async collect(): Promise<void> {
    const collector = new Collector({
      store: this.#process,
      kubernetes: async () => this.#kubernetes(),
      nowMs: this.#now,
      now: () => this.#nowNs(),
    });
    for (let i = 0; i < passes; i++) {
      await collector.pass({ isMeant: () => true, graceMs: () => graceMs });
      this.#nowMs += graceMs;
    }
  }

  async adopt(): Promise<void> {
    const { items } = await this.#observer.list("WorkloadEndpoint");
    const endpoints = items.map(({ value }) => value);
    await adopt(this.#process, { pools, endpoints }, { node: "node1", network: "net", nowNs: this.#nowNs() });
  }

  /** Its Pod is deleted, and nobody gives its addresses back. */
  async gone(pod: string): Promise<void> {
    const { node } = this.#podOf(pod);
    this.#pods.delete(pod);
    const item = await this.#observer.get(endpointWrite(pod, node, []).key);
    if (item) await this.#observer.commit([{ op: "delete", key: item.key, revision: item.revision }]);
  }

  async nodeGone(node: string): Promise<void> {
    this.#gone.add(node);
    for (const [pod, { node: of }] of [...this.#pods]) if (of === node) await this.gone(pod);
  }

  /** Its blocks are nobody's, as after the node's deletion while they were in use. */
  async orphan(node: string): Promise<void> {
    const { items } = await this.#observer.list("IPAMBlock");
    for (const { key, value, revision } of items) {
      const { affinity, affinity_claim_time: _time, ...rest } = value;
      if (affinity !== `host:${node}`) continue;
      await this.#observer.commit([{ op: "update", key, value: rest, revision }]);
      const claim = await this.#observer.get({ kind: "BlockAffinity", name: `host:${node}/${key.name}` });
      if (claim) await this.#observer.commit([{ op: "delete", key: claim.key, revision: claim.revision }]);
    }
  }

  /** The node claims, and others have the block, or nobody made it. */
  async claimLost(node: string): Promise<void> {
    const value: BlockAffinity = { state: "pending", deleted: false };
    for (const cidr of ["10.0.0.0/30", "10.0.0.4/30"]) {
      const key = { kind: "BlockAffinity", name: `host:${node}/${cidr}` } as const;
      await this.#observer.commit([{ op: "put", key, value }]);
    }
  }

  async orphanHandle(): Promise<void> {
    const key = { kind: "IPAMHandle", name: handleOf("crashed") } as const;
    const block = { "10.0.0.0/30": 1, "fd00::/126": 1 };
    await this.#observer.commit([{ op: "put", key, value: { block, deleted: false } }]);
  }

  async spoilHandles(missing: string, wrong: string): Promise<void> {
    const [lost, counted] = await Promise.all(
      [missing, wrong].map((pod) => this.#observer.get({ kind: "IPAMHandle", name: handleOf(pod) })),
    );
    if (!lost || !counted) throw new RangeError("no handles");
    await this.#observer.commit([{ op: "delete", key: lost.key, revision: lost.revision }]);
    await this.#observer.commit([
      { op: "put", key: counted.key, value: { ...counted.value, block: { "10.0.0.0/30": 9 } } },
    ]);
  }

  /** As `kubectl delete -f` leaves it: pods run on, and every agent adopts before its first address. */
  async forgetAll(): Promise<void> {
    this.#adoptsFirst = true;
    for (const kind of ["IPAMBlock", "IPAMHandle", "BlockAffinity"] as const)
      for (const { key, revision } of (await this.#observer.list<typeof kind>(kind)).items)
        await this.#observer.commit([{ op: "delete", key, revision } as Write]);
  }

  /** The same work, by a process that knows nothing of the killed one. */
  async #again(act: Scenario["act"]): Promise<void> {
    await act(this);
  }

  /** What was being added is removed, and what was being removed is added. */
  async #undone(): Promise<void> {
    if (this.#adoptsFirst) await this.adopt();
    const idle = [...this.#pods].filter(([, { node }]) => !this.#gone.has(node)).map(([pod]) => pod);
    for (const pod of idle) await this.del(pod);
    for (const pod of idle.slice(0, 2)) await this.add(pod, { families: [4] });
  }

  /** Nobody comes back to it, and others go on meanwhile. */
  async #left(): Promise<void> {
    for (const [pod, { told }] of [...this.#pods]) if (told.length === 0) await this.gone(pod);
    await this.collect();
    if (this.#adoptsFirst) await this.adopt();
    for (const node of nodes) if (!this.#gone.has(node)) await this.add(`later-${node}`, { node, families: [6] });
    await this.collect();
    const { facts } = await new Collector({
      store: this.#observer,
      kubernetes: async () => this.#kubernetes(),
      nowMs: this.#now,
      now: () => this.#nowNs(),
    }).pass({ isMeant: () => true, graceMs: () => graceMs, dryRun: true });
    const findings = examine(facts).map(describeFinding);
    if (findings.length > 0) throw new Error(`left: ${findings.join("; ")}`);
    const living = new Set([...this.#pods.keys()].map(handleOf));
    for (const [address, handle] of this.#picture().held())
      if (!living.has(handle)) throw new Error(`left: ${address} of ${handle}`);
  }

  async #killed(act: Scenario["act"], point: Point): Promise<void> {
    const { killed } = this.#killedAt(point);
    let isDone = false;
    await Promise.race([
      act(this).then(() => {
        isDone = true;
      }),
      killed,
    ]);
    this.#process = this.#observer;
    if (isDone && point.when === "before") throw new Error(`there is no request ${point.at}`);
  }

  /** What was sent before is told; nothing is sent after. */
  #killedAt(point: Point | null): { requests: number; readonly killed: Promise<void> } {
    const { promise: killed, resolve } = Promise.withResolvers<void>();
    const counted = { requests: 0, killed };
    const never = new Promise<never>(() => {});
    const store = this.#observer;
    const sent = async <T>(send: () => Promise<T>): Promise<T> => {
      const at = counted.requests++;
      if (!point || at < point.at) return send();
      if (at === point.at && point.when === "after") await send();
      resolve();
      return never;
    };
    this.#process = {
      transactions: store.transactions,
      get: (key) => sent(() => store.get(key)),
      list: (kind, scope) => sent(() => store.list(kind, scope)),
      commit: (writes) => sent(() => store.commit(writes)),
    };
    return counted;
  }

  #return(): void {
    if (!this.#begun) throw new RangeError("nothing to return to");
    this.#data.restore(this.#begun.data);
    this.#pods = new Map(this.#begun.pods);
    this.#gone = new Set(this.#begun.gone);
    this.#nowMs = 0;
  }

  /** Blocks are sound and apart, and who was told an address has it, and nobody else. */
  #expectPromises(): void {
    const held = this.#picture().held();
    const all = [...this.#pods].flatMap(([pod, { told }]) => told.map((address) => ({ pod, address })));
    if (new Set(all.map(({ address }) => address)).size < all.length) throw new Error("an address was given twice");
    for (const { pod, address } of all)
      if (held.size > 0 && held.has(address) && held.get(address) !== handleOf(pod))
        throw new Error(`${address} of ${pod} is held by ${held.get(address)}`);
      else if (!held.has(address) && held.size > all.length) throw new Error(`${address} of ${pod} is free`);
  }

  #picture(): Picture {
    const data = new MemoryData();
    for (const { key, text } of this.#data.dump()) data.writeText(key, text);
    const picture = new Picture(data, { isWhole: false });
    picture.catchUp();
    return picture;
  }

  #allocator(node: string, restSeconds = 0): Allocator {
    const settings = { ...defaultIpamSettings, restSeconds };
    const view: ClusterView = { pools, nodeLabels: {}, reserved: [], settings };
    return new Allocator({ node }, { store: this.#process, now: () => this.#nowNs(), view: () => view });
  }

  readonly #now = (): number => this.#nowMs;

  #nowNs(): bigint {
    return 1_800_000_000_000_000_000n + BigInt(this.#nowMs) * 1_000_000n;
  }

  #kubernetes(): KubernetesFacts {
    const pods = new Map([...this.#pods].map(([pod, { node }]) => [`default/${pod}`, { node }]));
    return {
      nodes: new Set(nodes.filter((node) => !this.#gone.has(node))),
      nodesAway: new Set(),
      pods: this.#transactions === "many" ? pods : null,
    };
  }

  #podOf(pod: string): Pod {
    const known = this.#pods.get(pod);
    if (!known) throw new RangeError(pod);
    return known;
  }
}

function handleOf(pod: string): string {
  return `net.c-${pod}`;
}

function endpointWrite(pod: string, node: string, addresses: readonly string[]) {
  const name = workloadEndpointName({ node, orchestrator: "k8s", pod, endpoint: "eth0" });
  const ipNetworks = addresses.map((address) => `${address}/${address.includes(":") ? 128 : 32}`);
  const value: WorkloadEndpoint = {
    apiVersion: "projectcalico.org/v3",
    kind: "WorkloadEndpoint",
    metadata: { namespace: "default", name, annotations: { "brindle.network/pod-uid": `uid-${pod}` } },
    spec: {
      ...{ orchestrator: "k8s", node, pod, endpoint: "eth0" },
      ...(addresses.length > 0 && { containerID: `c-${pod}`, ipNetworks }),
    },
  };
  return { op: "put" as const, key: { kind: "WorkloadEndpoint" as const, namespace: "default", name }, value };
}

function jsonable(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

function pool(name: string, cidr: string, blockSize: number): IPPool {
  return { apiVersion: "projectcalico.org/v3", kind: "IPPool", metadata: { name }, spec: { cidr, blockSize } };
}
