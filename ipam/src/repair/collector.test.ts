/**
 * One trouble a row, on both sorts of datastore: it is found, waits for its time, is repaired, and then nothing is wrong.
 * What only looks like trouble is left alone.
 */
import type { BlockAffinity } from "@brindle/api";
import { beforeEach, describe, expect, it } from "vitest";
import { readFacts } from "./collector.ts";
import { examine } from "./examine.ts";
import type { Finding } from "./finding.ts";
import { graceMs, holdingsOf, onlyBlock, SampleWorld } from "./sampleWorld.ts";
import { describeFinding } from "./sentence.ts";

const confirmed: BlockAffinity = { state: "confirmed", deleted: false };

/** `after` is judged when all is repaired. */
const troubles: {
  name: string;
  make: (world: SampleWorld) => Promise<unknown>;
  found: Finding["kind"][];
  says: RegExp;
  /** Of datastores with transactions alone: others have no such thing. */
  onlyMany?: boolean;
}[] = [
  {
    name: "an address whose pod is gone",
    make: async (world) => {
      await world.add("a");
      await world.lose("a");
    },
    found: ["leak"],
    says: /^10\.0\.0\.\d+ on node1: the pod shop\/a is gone \(net\.c-a\)$/,
  },
  {
    name: "the address of a second interface whose pod is gone",
    make: async (world) => {
      await world.add("a");
      const attributes = { namespace: "shop", pod: "a", interface: "net1" };
      await world.allocator("node1").assign({ handleId: "net.c-a.net1", attributes, families: [4] });
      await world.lose("a");
    },
    found: ["leak", "leak"],
    says: /the pod shop\/a is gone/,
  },
  {
    name: "an address of an ADD that died before its endpoint, and whose pod has another container",
    make: async (world) => {
      await world.add("a", { isEndpoint: false, container: "c-dead" });
      await world.add("a");
    },
    found: ["leak"],
    says: /the pod shop\/a has another container \(net\.c-dead\)$/,
  },
  {
    name: "a handle that was counted up, and got nothing",
    make: (world) => world.put("IPAMHandle", "net.dead", { block: { "10.0.0.0/30": 1 }, deleted: false }),
    found: ["orphanHandle"],
    says: /^handle net\.dead counts 1 addresses and holds none$/,
  },
  {
    name: "a handle that counts too much",
    make: async (world) => {
      const handle = await world.add("a");
      const block = (await onlyBlock(world)).cidr;
      await world.put("IPAMHandle", handle, { block: { [block]: 2 }, deleted: false });
    },
    found: ["wrongCount"],
    says: /^handle net\.c-a counts 2 addresses and holds 1/,
  },
  {
    name: "a handle that is missing, of an address in use",
    make: async (world) => world.remove("IPAMHandle", await world.add("a")),
    found: ["missingHandle"],
    says: /no handle net\.c-a, so that a release would not find it$/,
  },
  {
    name: "an address that a late write of a dead ADD holds, after its release",
    make: async (world) => {
      const handle = await world.add("a", { isEndpoint: false });
      await world.remove("IPAMHandle", handle);
      world.pods.delete("shop/a");
    },
    found: ["leak"],
    says: /the pod shop\/a is gone/,
  },
  {
    name: "a block that its node does not claim",
    make: async (world) => {
      await world.add("a");
      await world.remove("BlockAffinity", `host:node1/${(await onlyBlock(world)).cidr}`);
    },
    found: ["blockWithoutAffinity"],
    says: /is the block of node1, which does not claim it/,
  },
  {
    name: "a claim of a block that does not exist",
    make: (world) => world.put("BlockAffinity", "host:node1/10.0.0.4/30", { state: "pending", deleted: false }),
    found: ["affinityWithoutBlock"],
    says: /^node1 claims 10\.0\.0\.4\/30, which does not exist$/,
  },
  {
    name: "a claim of a block that is another node's",
    make: async (world) => {
      await world.add("a");
      await world.put("BlockAffinity", `host:node2/${(await onlyBlock(world)).cidr}`, confirmed);
    },
    found: ["lostAffinity"],
    says: /^node2 claims .*, which is the block of node1$/,
  },
  {
    name: "an endpoint whose pod is gone, with the transaction of a killed ADD that came late",
    make: async (world) => {
      await world.add("a");
      world.pods.delete("shop/a");
    },
    found: ["staleEndpoint"],
    says: /its pod is gone$/,
    onlyMany: true,
  },
];

describe.each(["many", "single"] as const)("with transactions of %s, the collection", (transactions) => {
  let world: SampleWorld;
  beforeEach(async () => {
    world = new SampleWorld(transactions);
    await world.begin();
    await world.add("other", { node: "node2" });
  });

  for (const { name, make, found, says, onlyMany = false } of troubles) {
    if (onlyMany && transactions === "single") continue;
    it(`repairs ${name}, once it has stood for its time`, async () => {
      await world.remove("WorkloadEndpoint", "node2-k8s-other-eth0");
      await world.allocator("node2").release("net.c-other");
      for (const kind of ["IPAMBlock", "BlockAffinity"] as const)
        for (const { key } of (await world.store.list<"IPAMBlock" | "BlockAffinity">(kind)).items)
          await world.remove(kind, key.name);
      world.pods.delete("shop/other");
      await make(world);

      const first = await world.pass();
      expect(first.findings.map(({ kind }) => kind)).toEqual(found);
      for (const finding of first.findings) expect(describeFinding(finding)).toMatch(says);
      expect(first.repaired).toEqual([]);
      world.nowMs += graceMs - 1;
      expect((await world.pass()).repaired).toEqual([]);
      world.nowMs += 1;
      expect((await world.pass()).repaired.map(({ kind }) => kind)).toEqual(found);
      expect((await world.pass()).findings).toEqual([]);
    });
  }

  it("finds nothing where all is well, and writes nothing", async () => {
    await world.add("a");
    const before = await world.dump();
    expect(await world.passes(4)).toEqual([]);
    expect(await world.dump()).toBe(before);
  });

  it("frees an address only once, whatever else its pod's successors have", async () => {
    await world.add("a");
    await world.lose("a");
    await world.pass();
    world.nowMs += graceMs;
    await world.pass();
    const handle = await world.add("b");
    expect(await world.passes(3)).toEqual([]);
    expect(await world.get("IPAMHandle", handle)).not.toBeNull();
  });

  it("begins to count anew for an ADD that was repeated in the meantime", async () => {
    await world.add("a", { isEndpoint: false });
    await world.pass();
    world.nowMs += graceMs;
    await world.add("a", { isEndpoint: false });
    expect((await world.pass()).repaired).toEqual([]);
    world.nowMs += graceMs;
    expect((await world.pass()).repaired.map(({ kind }) => kind)).toEqual(["leak"]);
  });

  it("forgets what was well in between", async () => {
    await world.add("a", { isEndpoint: false });
    await world.pass();
    const block = (await world.store.list("IPAMBlock")).items.flatMap(({ value }) => value);
    const ordinal = block.find(({ affinity }) => affinity === "host:node1");
    const [first] = ordinal?.cidr.split("/") ?? [];
    await world.endpoint("a", { container: "c-a", addresses: [BigInt(first?.split(".")[3] ?? 0)] });
    world.nowMs += graceMs;
    await world.pass();
    await world.remove("WorkloadEndpoint", "node1-k8s-a-eth0");
    world.nowMs += graceMs;
    expect((await world.pass()).repaired).toEqual([]);
  });

  it("frees nothing when a list cannot be had, and goes on where it was", async () => {
    await world.add("a");
    await world.lose("a");
    await world.pass();
    world.nowMs += graceMs;
    world.isKubernetesDown = true;
    const before = await world.dump();
    await expect(world.pass()).rejects.toThrow("the API server is away");
    expect(await world.dump()).toBe(before);
    world.isKubernetesDown = false;
    expect((await world.pass()).repaired.map(({ kind }) => kind)).toEqual(["leak"]);
  });

  const strangeClusters: [string, readonly string[]][] = [
    ["has no node", []],
    ...(transactions === "many" ? [["knows none of the datastore's nodes", ["other"]] as [string, string[]]] : []),
  ];
  it.each(strangeClusters)("frees nothing where the API server %s", async (what, names) => {
    await world.add("a");
    await world.lose("a");
    await world.pass();
    world.nowMs += graceMs;
    world.nodes.clear();
    for (const name of names) world.nodes.add(name);
    const before = await world.dump();
    await expect(world.pass()).rejects.toThrow(what);
    expect(await world.dump()).toBe(before);
  });

  it("begins no repair once it is told to end", async () => {
    for (const pod of ["a", "b"]) await world.add(pod);
    for (const pod of ["a", "b"]) await world.lose(pod);
    await world.pass();
    world.nowMs += graceMs;
    const ending = new AbortController();
    const commit = world.store.commit.bind(world.store);
    world.store.commit = async (writes) => {
      ending.abort();
      return commit(writes);
    };
    const { repaired } = await world.pass(ending.signal);
    expect(repaired).toHaveLength(1);
  });

  it("says in a dry run what it would do, and does nothing", async () => {
    await world.add("a");
    await world.lose("a");
    const dry = () => world.collector.pass({ isMeant: () => true, graceMs: () => graceMs, dryRun: true });
    await dry();
    world.nowMs += graceMs;
    const before = await world.dump();
    expect((await dry()).repaired.map(({ kind }) => kind)).toEqual(["leak"]);
    expect(await world.dump()).toBe(before);
  });

  it("leaves the addresses of a node that does not answer, and takes them when it is back", async () => {
    await world.add("a");
    await world.lose("a");
    world.nodesAway.add("node1");
    expect(await world.passes(4)).toEqual([]);
    world.nodesAway.delete("node1");
    expect((await world.passes(2)).map(({ kind }) => kind)).toEqual(["leak"]);
  });

  it("frees no address of a gone pod that another endpoint has", async () => {
    await world.add("a");
    const given = await holdingsOf(world, "net.c-a");
    await world.endpoint("twin", { container: "c-twin", addresses: given });
    world.pods.set("shop/twin", { node: "node1" });
    if (transactions === "many") world.pods.delete("shop/a");
    else await world.lose("a");
    await world.passes(4);
    expect(await holdingsOf(world, "net.c-a")).toEqual(given);
  });

  it("frees a handle as a whole or not at all", async () => {
    await world.add("a");
    await world.lose("a");
    await hold(world, {
      handle: "net.c-a",
      secondary: { node: "node1", namespace: "shop", pod: "a" },
      alternate: false,
    });
    const [, second] = await holdingsOf(world, "net.c-a");
    await world.endpoint("twin", { container: "c-twin", addresses: [second ?? 0n] });
    world.pods.set("shop/twin", { node: "node1" });
    await world.passes(4);
    expect(await holdingsOf(world, "net.c-a")).toHaveLength(2);
  });

  it("leaves what an endpoint may have that cannot be read", async () => {
    await world.add("a");
    await world.lose("a");
    const facts = await readFacts({
      store: world.store,
      kubernetes: async () => world.kubernetes(),
      now: () => world.now(),
    });
    const key = { kind: "WorkloadEndpoint", namespace: "shop", name: "node1-k8s-a-eth0" } as const;
    const undecodable = [{ key, reason: "damaged", partial: null }];
    expect(examine(facts).map(({ kind }) => kind)).toEqual(["leak"]);
    expect(examine({ ...facts, undecodable }).map(({ kind }) => kind)).toEqual(["unreadable"]);
  });

  it("releases all of a node that is gone: addresses, handles, blocks, claims, and no other's", async () => {
    await world.add("a");
    await world.add("b");
    const others = await world.get("IPAMHandle", "net.c-other");
    for (const pod of ["a", "b"]) await world.lose(pod);
    await world.nodeGone("node1");
    const kinds = (await world.passes(3)).map(({ kind }) => kind);
    expect(kinds).toEqual(expect.arrayContaining(["leak", "blockOfGoneNode"]));
    const dump = await world.dump();
    expect(dump).not.toContain("node1");
    expect(await world.get("IPAMHandle", "net.c-other")).toEqual(others);
    expect((await world.pass()).findings).toEqual([]);
  });

  it("keeps a block of a node that is gone as long as a pod has an address in it, without a node", async () => {
    await world.add("a");
    await world.nodeGone("node1");
    const name = "node1-k8s-a-eth0";
    world.pods.set("shop/a", { node: "node1" });
    await world.passes(3);
    const [block] = (await world.store.list("IPAMBlock")).items.filter(({ value }) => value.affinity === undefined);
    expect(block?.value.allocations.filter((index) => index !== null)).toHaveLength(1);
    expect(await world.store.get({ kind: "WorkloadEndpoint", namespace: "shop", name })).not.toBeNull();
    expect((await world.store.list("BlockAffinity")).items.map(({ key }) => key.name)).not.toContainEqual(
      expect.stringContaining("node1"),
    );
    // Its last address frees it.
    await world.lose("a");
    await world.passes(3);
    expect((await world.store.list("IPAMBlock")).items.map(({ value }) => value.affinity)).toEqual(["host:node2"]);
  });

  it("keeps everything of a node that comes back under its name in time", async () => {
    await world.add("a");
    const before = await world.dump();
    world.nodes.delete("node1");
    const node = await world.get("Node", "node1");
    if (transactions === "single") await world.remove("Node", "node1");
    await world.pass();
    world.nodes.add("node1");
    if (node) await world.put("Node", "node1", node);
    expect(await world.passes(3)).toEqual([]);
    expect(await world.dump()).toBe(before);
  });

  const strangers: { name: string; handle: string; secondary: Record<string, string>; alternate?: boolean }[] = [
    { name: "a Service's", handle: "lb-0123", secondary: { service: "shop/web", type: "loadBalancer" } },
    { name: "a tunnel's of a node that is there", handle: "vxlan-tunnel-addr-node1", secondary: tunnel("node1") },
    { name: "a virtual machine's", handle: "net.shop-vm", secondary: { node: "node1", "vmi-name": "vm" } },
    { name: "one with an attribute of tomorrow", handle: "net.x", secondary: { node: "gone", rack: "7" } },
    {
      name: "one that moves",
      handle: "net.y",
      secondary: { node: "node1", namespace: "shop", pod: "vm" },
      alternate: true,
    },
    { name: "one without a node", handle: "net.z", secondary: {} },
  ];
  for (const { name, handle, secondary, alternate = false } of strangers) {
    it(`never takes an address that it cannot judge: ${name}`, async () => {
      await hold(world, { handle, secondary, alternate });
      const before = await world.dump();
      expect(await world.passes(4)).toEqual([]);
      expect(await world.dump()).toBe(before);
    });
  }

  it("takes the tunnel's address of a node that is gone", async () => {
    await hold(world, { handle: "vxlan-tunnel-addr-gone", secondary: tunnel("gone"), alternate: false });
    expect((await world.passes(2)).map(({ kind }) => kind)).toEqual(["leak"]);
    expect(await world.get("IPAMHandle", "vxlan-tunnel-addr-gone")).toBeNull();
  });

  it("tells of what needs a person, and leaves it", async () => {
    await world.add("a");
    await world.endpoint("twin", { container: "c-twin", addresses: [0xfen] });
    await world.endpoint("triplet", { container: "c-triplet", addresses: [0xfen] });
    for (const pod of ["twin", "triplet"]) world.pods.set(`shop/${pod}`, { node: "node1" });
    const block = await onlyBlock(world);
    await world.put("IPAMBlock", "10.0.0.200/31", { ...block, cidr: "10.0.0.200/31" });
    await world.put("IPAMBlock", "10.0.0.200/30", {
      ...block,
      ...{ cidr: "10.0.0.200/30", allocations: [null, null, null, null], unallocated: [0, 1, 2, 3], attributes: [] },
    });
    const { findings } = await world.pass();
    const kinds = new Set(findings.map(({ kind }) => kind));
    for (const kind of ["duplicate", "notAllocated", "invalidBlock", "overlap"]) expect(kinds).toContain(kind);
    const before = await world.get("IPAMBlock", "10.0.0.200/31");
    const repaired = await world.passes(3);
    for (const { kind } of repaired) expect(["blockWithoutAffinity", "lostAffinity"]).toContain(kind);
    expect(await world.get("IPAMBlock", "10.0.0.200/31")).toEqual(before);
  });
});

function tunnel(node: string): Record<string, string> {
  return { node, type: "vxlanTunnelAddress" };
}

/** In the block of node2, with a handle that counts it. */
async function hold(
  world: SampleWorld,
  { handle, secondary, alternate }: { handle: string; secondary: Record<string, string>; alternate: boolean },
): Promise<void> {
  const block = await onlyBlock(world);
  const ordinal = block.unallocated[0] ?? 0;
  const attribute = { handle_id: handle, secondary, ...(alternate && { alternateOwnerAttrs: { node: "node2" } }) };
  await world.put("IPAMBlock", block.cidr, {
    ...block,
    allocations: block.allocations.with(ordinal, block.attributes.length),
    unallocated: block.unallocated.slice(1),
    attributes: [...block.attributes, attribute],
  });
  await world.put("IPAMHandle", handle, { block: { [block.cidr]: 1 }, deleted: false });
}
