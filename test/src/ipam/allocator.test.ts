/** Nodes that give addresses out at once, over a real etcd. What is stored is judged as `calicoctl ipam check` does. */
import { type IPPool, type Store, StoreError } from "@brindle/api";
import { openEtcdStore } from "@brindle/api/shell/etcd";
import { Allocator, type AssignResult, audit, type ClusterView, defaultIpamSettings } from "@brindle/ipam";
import { formatAddress } from "@brindle/net";
import { describe, expect, it } from "vitest";
import { type Etcd, startEtcd } from "../fixtures/etcd.ts";

const timeoutMs = 2_000;

describe("allocators over etcd", () => {
  it("give 64 pods of 8 nodes distinct addresses of both families, at once", async () => {
    await using etcd = await startEtcd();
    await using cluster = new Cluster(etcd);
    const handles = Array.from({ length: 64 }, (_, i) => `net.${i}`);
    const results = await Promise.all(
      handles.map((handleId, i) => cluster.node(`node${i % 8}`).assign(dual(handleId))),
    );
    const addresses = results.flatMap(addressesOf);
    expect(addresses).toHaveLength(128);
    expect(new Set(addresses).size).toBe(128);
    expect(await cluster.findings()).toEqual([]);

    await Promise.all(handles.map((handleId, i) => cluster.node(`node${i % 8}`).release(handleId)));
    expect(await cluster.addressesInUse()).toBe(0);
    expect(await cluster.findings()).toEqual([]);
  });

  it("share one small block between nodes without giving an address twice", async () => {
    await using etcd = await startEtcd();
    const pools = [pool("four", "10.9.0.0/26", 26), pool("six", "fd00:9::/122", 122)];
    await using cluster = new Cluster(etcd, pools);
    const asked = Array.from({ length: 70 }, (_, i) => cluster.node(`node${i % 8}`).assign(dual(`net.${i}`)));
    const results = await Promise.all(asked);
    const addresses = results.filter(({ kind }) => kind === "assigned").flatMap(addressesOf);
    expect(addresses).toHaveLength(128);
    expect(new Set(addresses).size).toBe(128);
    expect(results.filter(({ kind }) => kind === "poolExhausted")).toHaveLength(6);
    expect(await cluster.findings()).toEqual([]);
  });

  it("answer UNAVAILABLE within the deadline while etcd is away, and go on where they were", async () => {
    await using etcd = await startEtcd();
    await using cluster = new Cluster(etcd);
    const before = addressesOf(await cluster.node("node0").assign(dual("net.before")));

    // Killed while requests are under way: some were done, and of some nobody can tell.
    const asked = Array.from({ length: 64 }, (_, i) => cluster.node(`node${i % 8}`).assign(dual(`net.${i}`)));
    const settled = Promise.allSettled(asked);
    await Promise.race(asked);
    await etcd.kill();
    const away = performance.now();
    const failures = (await settled).flatMap((result) => (result.status === "rejected" ? [codeOf(result.reason)] : []));
    expect(performance.now() - away).toBeLessThan(5 * timeoutMs);
    expect(failures.length).toBeGreaterThan(0);
    expect(new Set(failures)).toEqual(new Set(["UNAVAILABLE"]));

    await etcd.start();
    const given = (await settled).map((result) => (result.status === "fulfilled" ? addressesOf(result.value) : null));
    const again = await Promise.all(
      given.map((_, i) => untilAvailable(() => cluster.node(`node${i % 8}`).assign(dual(`net.${i}`)))),
    );
    const addresses = again.map(addressesOf);
    for (const [i, held] of given.entries()) if (held) expect(addresses[i]).toEqual(held);
    expect(new Set([...addresses.flat(), ...before]).size).toBe(130);
    expect(await cluster.addressesInUse()).toBe(130);
    expect(await cluster.findings()).toEqual([]);
  });
});

it("writes what Calico's own keys and members are", async () => {
  await using etcd = await startEtcd();
  await using cluster = new Cluster(etcd);
  await cluster.node("node1").assign({ ...dual("k8s-pod-network.c0ffee"), families: [4] });
  const keys = (await etcd.etcdctl("get", "/calico/ipam", "--prefix", "--keys-only")).split("\n").filter(Boolean);
  const [block = ""] = keys.filter((key) => key.includes("/assignment/"));
  const cidr = block.slice(block.lastIndexOf("/") + 1);
  expect(keys).toEqual([
    `/calico/ipam/v2/assignment/ipv4/block/${cidr}`,
    "/calico/ipam/v2/handle/k8s-pod-network.c0ffee",
    `/calico/ipam/v2/host/node1/ipv4/block/${cidr}`,
  ]);
  const text = await etcd.etcdctl("get", block, "--print-value-only");
  // The members of a block that calicoctl wrote, in its order; the numbers are past 2^53 and stay integers.
  expect([...text.matchAll(/"([A-Za-z_]+)":/g)].map(([, name]) => name)).toEqual([
    ...["cidr", "affinity", "affinity_claim_time", "allocations", "unallocated", "attributes"],
    ...["handle_id", "secondary", "namespace", "node", "pod", "timestamp"],
    ...["sequenceNumber", "sequenceNumberForAllocation", "deleted"],
  ]);
  expect(text).toMatch(/"sequenceNumber":\d{19},"sequenceNumberForAllocation":\{"0":\d{19}\},"deleted":false\}$/m);
  expect(await etcd.etcdctl("get", `/calico/ipam/v2/host/node1/ipv4/block/${cidr}`, "--print-value-only")).toBe(
    '{"state":"confirmed","deleted":false}\n',
  );
  expect(await etcd.etcdctl("get", "/calico/ipam/v2/handle/k8s-pod-network.c0ffee", "--print-value-only")).toBe(
    `{"block":{"${cidr.replace("-", "/")}":1},"deleted":false}\n`,
  );
});

/** One process a node, each with a connection of its own. */
class Cluster implements AsyncDisposable {
  readonly #etcd: Etcd;
  readonly #view: ClusterView;
  readonly #stores: Store[] = [];
  readonly #nodes = new Map<string, Allocator>();
  readonly #observer: Store;

  constructor(etcd: Etcd, pools: IPPool[] = [pool("four", "10.9.0.0/16", 26), pool("six", "fd00:9::/64", 122)]) {
    this.#etcd = etcd;
    this.#view = { pools, nodeLabels: {}, reserved: [], settings: defaultIpamSettings };
    this.#observer = this.#open();
  }

  node(name: string): Allocator {
    const known = this.#nodes.get(name);
    if (known) return known;
    const now = (): bigint => BigInt(Date.now()) * 1_000_000n;
    const made = new Allocator({ node: name }, { store: this.#open(), now, view: () => this.#view });
    this.#nodes.set(name, made);
    return made;
  }

  async findings(): Promise<unknown[]> {
    const handles = await this.#observer.list("IPAMHandle");
    return audit(await this.#blocks(), new Map(handles.items.map(({ key, value }) => [key.name, value])));
  }

  async addressesInUse(): Promise<number> {
    const blocks = await this.#blocks();
    return blocks.reduce((sum, { allocations, unallocated }) => sum + allocations.length - unallocated.length, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.close()));
  }

  async #blocks(): Promise<Parameters<typeof audit>[0]> {
    return (await this.#observer.list("IPAMBlock")).items.map(({ value }) => value);
  }

  #open(): Store {
    const store = openEtcdStore({ endpoints: [this.#etcd.endpoint], timeoutMs });
    this.#stores.push(store);
    return store;
  }
}

/** As a runtime does: it asks again until there is an answer. */
async function untilAvailable<T>(request: () => Promise<T>, deadline: number = performance.now() + 60_000): Promise<T> {
  try {
    return await request();
  } catch (error) {
    if (codeOf(error) !== "UNAVAILABLE" || performance.now() > deadline) throw error;
    return untilAvailable(request, deadline);
  }
}

function dual(handleId: string): Parameters<Allocator["assign"]>[0] {
  return { handleId, attributes: { pod: "web", namespace: "prod" }, families: [4, 6] };
}

function addressesOf(result: AssignResult): string[] {
  if (result.kind !== "assigned") throw new Error(`it is ${result.kind}`);
  return result.addresses.map(({ address }) => formatAddress(address)).toSorted();
}

function codeOf(error: unknown): string {
  return error instanceof StoreError ? error.failure.code : String(error);
}

function pool(name: string, cidr: string, blockSize: number): IPPool {
  return { apiVersion: "projectcalico.org/v3", kind: "IPPool", metadata: { name }, spec: { cidr, blockSize } };
}
