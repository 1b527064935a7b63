import type { IPPool } from "@brindle/api";
import { beforeEach, describe, expect, it } from "vitest";
import { defaultIpamSettings } from "../assign.ts";
import { nodeOf, SampleWorld } from "./sampleWorld.ts";

const pool: IPPool = {
  apiVersion: "projectcalico.org/v3",
  kind: "IPPool",
  metadata: { name: "pods" },
  spec: { cidr: "10.0.0.0/24", blockSize: 30 },
};

/** What became of the pool under a block that node1 has, and whether the empty block goes. */
const cases: { name: string; spec: Partial<IPPool["spec"]>; goes: boolean }[] = [
  { name: "stays while the pool is for its node", spec: {}, goes: false },
  { name: "goes when the pool is disabled", spec: { disabled: true }, goes: true },
  { name: "goes when the pool is for other nodes", spec: { nodeSelector: "rack == 'b'" }, goes: true },
  { name: "stays while the pool is for some namespaces", spec: { namespaceSelector: "team == 'a'" }, goes: false },
  { name: "stays while the pool is for those who ask", spec: { assignmentMode: "Manual" }, goes: false },
];

for (const transactions of ["many", "single"] as const)
  describe(`an empty block, with transactions of ${transactions},`, () => {
    let world: SampleWorld;
    beforeEach(async () => {
      world = new SampleWorld(transactions);
      await world.begin();
      await world.add("a");
      await world.allocator("node1").release("net.c-a");
      await world.lose("a");
    });

    const isThere = async () => (await world.store.list("IPAMBlock")).items.length === 1;
    const isClaimed = async () => (await world.store.list("BlockAffinity")).items.length === 1;

    for (const { name, spec, goes } of cases)
      it(name, async () => {
        await world.put("IPPool", "pods", { ...pool, spec: { ...pool.spec, ...spec } });
        await world.passes(3);
        expect([await isThere(), await isClaimed()]).toEqual([!goes, !goes]);
      });

    it("goes when its pool is gone, and not what is in use", async () => {
      await world.remove("IPPool", "pods");
      await world.add("b", { node: "node2" });
      await world.passes(3);
      const { items } = await world.store.list("IPAMBlock");
      expect(items.map(({ value }) => value.affinity)).toEqual(["host:node2"]);
    });

    it("stays of a node that does not answer", async () => {
      world.nodesAway.add("node1");
      await world.remove("IPPool", "pods");
      await world.passes(3);
      expect(await isThere()).toBe(true);
    });

    it("waits anew when it was used meanwhile, and is taken by nobody under an ADD", async () => {
      await world.put("IPPool", "pods", { ...pool, spec: { ...pool.spec, disabled: true } });
      await world.pass();
      await world.add("b");
      await world.allocator("node1").release("net.c-b");
      await world.lose("b");
      world.nowMs += 900_000;
      expect((await world.pass()).repaired).toEqual([]);
    });

    it("goes when what was given back has rested in it, and not before", async () => {
      await world.put("IPAMConfig", "default", { ipCooldownSeconds: 1_200 });
      await world.add("b");
      await world.allocator("node1", { ...defaultIpamSettings, restSeconds: 1_200 }).release("net.c-b");
      await world.lose("b");
      await world.put("IPPool", "pods", { ...pool, spec: { ...pool.spec, disabled: true } });
      await world.pass();
      world.nowMs += 1_100_000;
      await world.pass();
      expect([await isThere(), await isClaimed()]).toEqual([true, true]);
      world.nowMs += 200_000;
      await world.passes(3);
      expect([await isThere(), await isClaimed()]).toEqual([false, false]);
    });

    it("goes without a node, too", async () => {
      const [item] = (await world.store.list("IPAMBlock")).items;
      if (!item) throw new RangeError("no block");
      const { affinity: _node, affinity_claim_time: _time, ...value } = item.value;
      await world.put("IPAMBlock", item.key.name, value);
      await world.passes(3);
      expect(await isThere()).toBe(false);
    });

    it("is one of a node whose labels say so", async () => {
      await world.put("Node", "node1", { ...nodeOf("node1"), metadata: { name: "node1", labels: { rack: "b" } } });
      await world.put("IPPool", "pods", { ...pool, spec: { ...pool.spec, nodeSelector: "rack == 'b'" } });
      await world.passes(3);
      expect(await isThere()).toBe(true);
    });
  });
