/** A cluster for tests of the collection: what address management wrote, who owns it, and a clock. */
import {
  type IPAMBlock,
  type IPPool,
  MemoryStore,
  type Node,
  type Stored,
  type WorkloadEndpoint,
  workloadEndpointName,
} from "@brindle/api";
import { Allocator } from "../allocator.ts";
import { defaultIpamSettings, type IpamSettings } from "../assign.ts";
import { heldAt } from "../block.ts";
import { Collector, type Pass } from "./collector.ts";
import type { KubernetesFacts } from "./facts.ts";
import type { Finding } from "./finding.ts";

export const graceMs: number = 900_000;
const pool: IPPool = {
  apiVersion: "projectcalico.org/v3",
  kind: "IPPool",
  metadata: { name: "pods" },
  spec: { cidr: "10.0.0.0/24", blockSize: 30 },
};

const begunNs = 1_800_000_000_000_000_000n;

export class SampleWorld {
  readonly store: MemoryStore;
  readonly collector: Collector;
  readonly nodes: Set<string> = new Set(["node1", "node2"]);
  readonly nodesAway: Set<string> = new Set();
  readonly pods: Map<string, { node: string }> = new Map();
  nowMs = 0;
  isKubernetesDown = false;

  constructor(transactions: "many" | "single") {
    this.store = new MemoryStore({ transactions });
    this.collector = new Collector({
      store: this.store,
      kubernetes: async () => this.kubernetes(),
      nowMs: () => this.nowMs,
      now: () => this.now(),
    });
  }

  now(): bigint {
    return begunNs + BigInt(this.nowMs) * 1_000_000n;
  }

  kubernetes(): KubernetesFacts {
    if (this.isKubernetesDown) throw new Error("the API server is away");
    const pods = this.store.transactions === "many" ? this.pods : null;
    return { nodes: new Set(this.nodes), nodesAway: new Set(this.nodesAway), pods };
  }

  async begin(): Promise<void> {
    await this.put("IPPool", "pods", pool);
    for (const node of this.nodes) await this.put("Node", node, nodeOf(node));
  }

  /** As an ADD does. */
  async add(
    pod: string,
    of: { readonly node?: string; readonly isEndpoint?: boolean; readonly container?: string } = {},
  ): Promise<string> {
    const { node = "node1", isEndpoint = true, container = `c-${pod}` } = of;
    const handleId = `net.${container}`;
    const allocator = this.allocator(node);
    const attributes = { namespace: "shop", pod };
    const given = await allocator.assign({ handleId, attributes, families: [4] });
    if (given.kind !== "assigned") throw new TypeError(given.kind);
    this.pods.set(`shop/${pod}`, { node });
    if (given.kind === "assigned" && isEndpoint) {
      const addresses = given.addresses.map(({ address }) => address.value);
      await this.endpoint(pod, { node, container, addresses });
    }
    return handleId;
  }

  async endpoint(pod: string, of: { node?: string; container: string; addresses: readonly bigint[] }): Promise<void> {
    const { node = "node1", container, addresses } = of;
    const name = workloadEndpointName({ node, orchestrator: "k8s", pod, endpoint: "eth0" });
    const ipNetworks = addresses.map((value) => `10.0.0.${value & 0xffn}/32`);
    const value: WorkloadEndpoint = {
      apiVersion: "projectcalico.org/v3",
      kind: "WorkloadEndpoint",
      metadata: { namespace: "shop", name, annotations: { "brindle.network/pod-uid": `uid-${pod}` } },
      spec: { orchestrator: "k8s", node, pod, endpoint: "eth0", containerID: container, ipNetworks },
    };
    await this.store.commit([{ op: "put", key: { kind: "WorkloadEndpoint", namespace: "shop", name }, value }]);
  }

  /** The pod is gone with its endpoint, and nobody gave its addresses back. */
  async lose(pod: string, { node = "node1" }: { readonly node?: string } = {}): Promise<void> {
    this.pods.delete(`shop/${pod}`);
    await this.remove("WorkloadEndpoint", workloadEndpointName({ node, orchestrator: "k8s", pod, endpoint: "eth0" }));
  }

  allocator(node: string, settings: IpamSettings = defaultIpamSettings): Allocator {
    const view = { pools: [pool], nodeLabels: {}, reserved: [], settings };
    return new Allocator({ node }, { store: this.store, now: () => this.now(), view: () => view });
  }

  async put<K extends keyof Stored>(kind: K, name: string, value: Stored[K]): Promise<void> {
    await this.store.commit([{ op: "put", key: { kind, name }, value } as never]);
  }

  async get<K extends keyof Stored>(kind: K, name: string): Promise<Stored[K] | null> {
    return (await this.store.get({ kind, name }))?.value ?? null;
  }

  async remove(kind: keyof Stored, name: string): Promise<void> {
    const key = { kind, name, ...(kind === "WorkloadEndpoint" && { namespace: "shop" }) };
    const item = await this.store.get(key);
    if (item) await this.store.commit([{ op: "delete", key, revision: item.revision }]);
  }

  async nodeGone(node: string): Promise<void> {
    this.nodes.delete(node);
    if (this.store.transactions === "single") await this.remove("Node", node);
  }

  pass(until?: AbortSignal): Promise<Pass> {
    return this.collector.pass({ isMeant: () => true, graceMs: () => graceMs, ...(until && { until }) });
  }

  async passes(count: number): Promise<Finding[]> {
    const repaired: Finding[] = [];
    for (let i = 0; i < count; i++) {
      repaired.push(...(await this.pass()).repaired);
      this.nowMs += graceMs;
    }
    return repaired;
  }

  async dump(): Promise<string> {
    const kinds = ["IPAMBlock", "BlockAffinity", "IPAMHandle", "WorkloadEndpoint", "Node"] as const;
    const lists = await Promise.all(kinds.map((kind) => this.store.list<(typeof kinds)[number]>(kind)));
    const plain = lists.map(({ items }) => items.map(({ key, value }) => [key.name, value]));
    return JSON.stringify(plain, (_name, value) => (typeof value === "bigint" ? String(value) : value), 1);
  }
}

export function nodeOf(name: string): Node {
  const orchRefs = [{ nodeName: name, orchestrator: "k8s" }];
  return { apiVersion: "projectcalico.org/v3", kind: "Node", metadata: { name }, spec: { orchRefs } };
}

export async function onlyBlock({ store }: SampleWorld): Promise<IPAMBlock> {
  const { items } = await store.list("IPAMBlock");
  const [first] = items;
  if (!first) throw new RangeError("no block");
  return first.value;
}

/** The addresses of a handle, as numbers. */
export async function holdingsOf({ store }: SampleWorld, handleId: string): Promise<bigint[]> {
  const { items } = await store.list("IPAMBlock");
  return items.flatMap(({ value: block }) =>
    block.allocations.flatMap((index, ordinal) =>
      index !== null && block.attributes[index]?.handle_id === handleId ? [heldAt(block, ordinal).address.value] : [],
    ),
  );
}
