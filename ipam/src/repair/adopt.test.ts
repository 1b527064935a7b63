import { EndpointTrimmer, type IPPool, MemoryStore, type WorkloadEndpoint, workloadEndpointName } from "@brindle/api";
import { describe, expect, it } from "vitest";
import { Allocator } from "../allocator.ts";
import { defaultIpamSettings } from "../assign.ts";
import { adopt, hasUnallocated } from "./adopt.ts";
import { Collector } from "./collector.ts";
import { describeFinding } from "./sentence.ts";

const pools: IPPool[] = ["10.0.0.0/26", "fd00::/120"].map((cidr, i) => ({
  apiVersion: "projectcalico.org/v3",
  kind: "IPPool",
  metadata: { name: `p${i}` },
  spec: { cidr, blockSize: i === 0 ? 29 : 125 },
}));
const view = { pools, nodeLabels: {}, reserved: [], settings: defaultIpamSettings };
const nowNs = 1_800_000_000_000_000_000n;

function endpoint(pod: string, node: string, addresses: readonly string[], container = true): WorkloadEndpoint {
  const name = workloadEndpointName({ node, orchestrator: "k8s", pod, endpoint: "eth0" });
  return {
    apiVersion: "projectcalico.org/v3",
    kind: "WorkloadEndpoint",
    metadata: { namespace: "shop", name },
    spec: {
      ...{ orchestrator: "k8s", node, pod, endpoint: "eth0", ...(container && { containerID: `c-${pod}` }) },
      ipNetworks: addresses.map((address) => `${address}/${address.includes(":") ? 128 : 32}`),
    },
  };
}

const running = [
  endpoint("a", "node1", ["10.0.0.9", "fd00::9"]),
  endpoint("b", "node1", ["10.0.0.10"]),
  endpoint("borrower", "node2", ["10.0.0.11"]),
  endpoint("c", "node2", ["10.0.0.1"]),
  endpoint("elsewhere", "node2", ["192.0.2.1"]),
];

describe.each(["many", "single"] as const)("with transactions of %s, an adoption", (transactions) => {
  const world = async (endpoints: readonly WorkloadEndpoint[] = running) => {
    const store = new MemoryStore({ transactions });
    for (const value of endpoints) {
      const key = { kind: "WorkloadEndpoint" as const, namespace: "shop", name: value.metadata.name };
      await store.commit([{ op: "create", key, value }]);
    }
    for (const [i, value] of pools.entries())
      await store.commit([{ op: "create", key: { kind: "IPPool", name: `p${i}` }, value }]);
    for (const name of ["node1", "node2"]) {
      const value = { apiVersion: "projectcalico.org/v3", kind: "Node", metadata: { name }, spec: {} } as const;
      await store.commit([{ op: "create", key: { kind: "Node", name }, value }]);
    }
    const check = async (): Promise<string[]> => {
      const ports = { store, kubernetes: async () => null, nowMs: () => 0, now: () => nowNs };
      const pass = await new Collector(ports).pass({ isMeant: () => true, graceMs: () => 0, dryRun: true });
      return pass.findings.map(describeFinding);
    };
    const adoptAs = (node: string) => adopt(store, { pools, endpoints }, { node, network: "net", nowNs });
    const allocator = (node: string) => new Allocator({ node }, { store, now: () => nowNs, view: () => view });
    return { store, check, adoptAs, allocator };
  };

  it("leaves nothing unallocated, and nothing that does not fit together", async () => {
    const { check, adoptAs } = await world();
    expect(await check()).toHaveLength(5);
    const { adopted, refused } = await adoptAs("node1");
    expect(adopted.toSorted()).toEqual(["10.0.0.1", "10.0.0.10", "10.0.0.11", "10.0.0.9", "fd00::9"].toSorted());
    expect(refused).toEqual([]);
    expect(await check()).toEqual([]);
  });

  it("gives no address again, from whichever node and until the pool is full", async () => {
    const { adoptAs, allocator } = await world();
    await adoptAs("node2");
    const given: string[] = [];
    for (let i = 0; ; i++) {
      const result = await allocator(`node${1 + (i % 2)}`).assign({
        handleId: `net.x${i}`,
        attributes: {},
        families: [4],
      });
      if (result.kind !== "assigned") break;
      given.push(...result.addresses.map(({ address }) => `10.0.0.${address.value & 0xffn}`));
    }
    expect(given).toHaveLength(64 - 4);
    for (const taken of ["10.0.0.9", "10.0.0.10", "10.0.0.11", "10.0.0.1"]) expect(given).not.toContain(taken);
  });

  it("lets the DEL of an adopted pod free its addresses of both families", async () => {
    const { store, adoptAs, allocator } = await world();
    await adoptAs("node1");
    const result = await allocator("node1").release("net.c-a");
    expect(result.kind === "released" && result.addresses).toHaveLength(2);
    expect(await store.get({ kind: "IPAMHandle", name: "net.c-a" })).toBeNull();
  });

  it("leaves what pods asked for past address management where no pool gives it, and takes it where one does", async () => {
    const asked = endpoint("unmanaged", "node1", ["10.0.0.9"]);
    const annotations = { "cni.projectcalico.org/ipAddrsNoIpam": '["10.0.0.9"]' };
    const unmanaged = { ...asked, metadata: { ...asked.metadata, annotations } };
    for (const disabled of [true, false]) {
      const { store, check } = await world([unmanaged]);
      const [first, ...others] = pools.map((pool) => ({ ...pool, spec: { ...pool.spec, disabled } }));
      if (!first) throw new Error("there are pools");
      await store.commit([{ op: "put", key: { kind: "IPPool", name: "p0" }, value: first }]);
      expect(await check()).toHaveLength(disabled ? 0 : 1);
      const facts = { pools: [first, ...others], endpoints: [unmanaged] };
      const asOthersKnow = { ...facts, endpoints: [new EndpointTrimmer().trim(unmanaged)] };
      expect(await hasUnallocated(store, asOthersKnow)).toBe(!disabled);
      const { adopted } = await adopt(store, facts, { node: "node1", network: "net", nowNs });
      expect(adopted).toEqual(disabled ? [] : ["10.0.0.9"]);
      expect(await check()).toEqual([]);
    }
  });

  it("writes nothing where nothing is missing", async () => {
    const { store, adoptAs } = await world();
    await adoptAs("node1");
    const { revision } = await store.list("IPAMBlock");
    expect(await adoptAs("node2")).toEqual({ adopted: [], refused: [] });
    expect((await store.list("IPAMBlock")).revision).toBe(revision);
  });

  it("is done by all nodes at once without harm", async () => {
    const { check, adoptAs } = await world();
    await Promise.all(["node1", "node2", "node3"].map(adoptAs));
    expect(await check()).toEqual([]);
  });

  it("adds what is missing to blocks that are there", async () => {
    const { store, check, adoptAs } = await world();
    await adopt(store, { pools, endpoints: running.slice(1, 2) }, { node: "node1", network: "net", nowNs });
    expect((await adoptAs("node1")).adopted.toSorted()).toEqual(
      ["10.0.0.1", "10.0.0.11", "10.0.0.9", "fd00::9"].toSorted(),
    );
    expect(await check()).toEqual([]);
  });

  it("never writes to a block that is damaged, and says so", async () => {
    const { store, adoptAs } = await world(running.slice(1, 2));
    const key = { kind: "IPAMBlock", name: "10.0.0.8/29" } as const;
    const value = {
      ...{ cidr: key.name, allocations: [null, null], unallocated: [0, 1], attributes: [] },
      ...{ sequenceNumber: 1n, deleted: false },
    };
    await store.commit([{ op: "create", key, value }]);
    expect(await adoptAs("node1")).toEqual({
      adopted: [],
      refused: [`10.0.0.10: its block ${key.name} is damaged`],
    });
    expect((await store.get(key))?.value).toEqual(value);
  });

  it("leaves what another network gave, and says what is in the way", async () => {
    const strange = endpoint("strange", "node1", ["10.0.0.20"], false);
    const { store, adoptAs } = await world([strange, endpoint("d", "node1", ["10.0.0.33"])]);
    const [block] = (await (await world()).store.list("IPAMBlock")).items;
    expect(block).toBeUndefined();
    const cidr = "10.0.0.32/30";
    const value = {
      ...{ cidr, allocations: [null, null, null, null], unallocated: [0, 1, 2, 3], attributes: [] },
      ...{ sequenceNumber: 1n, deleted: false },
    };
    await store.commit([{ op: "create", key: { kind: "IPAMBlock", name: cidr }, value }]);
    expect(await adoptAs("node1")).toEqual({
      adopted: [],
      refused: [`10.0.0.33: the block ${cidr} of another size is in the way`],
    });
  });
});
