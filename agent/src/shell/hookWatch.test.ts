import assert from "node:assert/strict";
import type { RuleCount } from "@brindle/net";
import { PolicyGraph } from "@brindle/policy";
import { describe, it } from "vitest";
import { HookWatch, hooksToKeep } from "./hookWatch.ts";

const desired = new PolicyGraph({ node: "node1" }).desired();
const wanted = hooksToKeep(desired, desired);
const filterHooks = wanted.filter(({ family, table }) => family === 4 && table === "filter");
const masquerade = { family: 4, table: "nat", chain: "POSTROUTING", leadsTo: "BRDL-MASQUERADE" } as const;

const count = (chain: string, comment: string): RuleCount => ({ chain, comment, packets: 0 });
const without = (leadsTo: string): readonly RuleCount[] => hooked.filter((rule) => rule.leadsTo !== leadsTo);
/** As they are in the kernel: the first of FORWARD has no comment. */
const hooked: readonly RuleCount[] = [
  { ...count("FORWARD", ""), leadsTo: "BRDL-FORWARD" },
  count("FORWARD", ""),
  { ...count("FORWARD", "theirs"), leadsTo: "THEIRS" },
  { ...count("FORWARD", "brdl:z hook behind others"), leadsTo: "BRDL-FORWARD-END" },
  { ...count("INPUT", "brdl:x hook"), leadsTo: "BRDL-INPUT" },
  { ...count("OUTPUT", "brdl:x hook"), leadsTo: "BRDL-OUTPUT" },
  count("BRDL-FORWARD", "brdl:y from pods"),
];

interface Look {
  readonly name: string;
  readonly rules: () => readonly RuleCount[];
  readonly isInForce?: boolean;
  readonly readsSingleChains?: boolean;
  readonly repairs: number;
}

const looks: readonly Look[] = [
  { name: "leaves what is there", rules: () => hooked, repairs: 0 },
  { name: "repairs where all is gone", rules: () => [], repairs: 1 },
  ...filterHooks.map(({ chain, leadsTo }) => ({
    name: `repairs where of all hooks the one from ${chain} to ${leadsTo} is gone`,
    rules: () => without(leadsTo),
    repairs: 1,
  })),
  {
    name: "leaves a hook behind the rules of others, where it is to be",
    rules: () => [...without("BRDL-FORWARD"), { ...count("FORWARD", "brdl:z"), leadsTo: "BRDL-FORWARD" }],
    repairs: 0,
  },
  {
    name: "repairs where a hook leads from another chain",
    rules: () => [...without("BRDL-INPUT"), { ...count("OUTPUT", "brdl:x hook"), leadsTo: "BRDL-INPUT" }],
    repairs: 1,
  },
  {
    name: "repairs where our chain is empty",
    rules: () => hooked.filter(({ chain }) => chain !== "BRDL-FORWARD"),
    repairs: 1,
  },
  { name: "repairs where only others' rules are left", rules: () => [count("FORWARD", "theirs")], repairs: 1 },
  { name: "waits until something is in force", rules: () => [], isInForce: false, repairs: 0 },
  { name: "reads no whole table", rules: () => [], readsSingleChains: false, repairs: 0 },
  {
    name: "leaves what cannot be read to others",
    rules: () => {
      throw new Error("no such table");
    },
    repairs: 0,
  },
];

describe("the watch of the hooks", () => {
  for (const { name, rules, isInForce = true, readsSingleChains = true, repairs } of looks) {
    it(name, async () => {
      let [repaired, told] = [0, 0];
      const watch = new HookWatch({
        sources: () => [{ family: 4, readsSingleChains, read: async () => [...rules()] }],
        hooks: () => filterHooks,
        nowMs: () => 0,
        isInForce: () => isInForce,
        repair: async () => void repaired++,
        onGone: () => told++,
      });
      await Promise.all([watch.look(), watch.look()]);
      await watch.end();
      assert.deepEqual([repaired, told], [repairs, repairs]);
    });
  }

  it("asks a table for the hooks that are to be in it, and for no other chain", async () => {
    const world = { nat: [{ ...count("POSTROUTING", "brdl:x hook"), leadsTo: masquerade.leadsTo }] };
    const asked: string[] = [];
    let told = 0;
    const source = {
      family: 4 as const,
      readsSingleChains: true,
      read: async (chains: readonly string[] = [], table = "") => {
        asked.push(`${table} ${chains.join()}`);
        return table === "nat" ? world.nat : [...hooked];
      },
    };
    const watch = new HookWatch({
      sources: () => [source],
      hooks: () => [...filterHooks, masquerade],
      nowMs: () => 0,
      isInForce: () => true,
      repair: async () => {},
      onGone: () => told++,
    });
    await watch.look();
    assert.deepEqual(asked, ["filter FORWARD,INPUT,OUTPUT,BRDL-FORWARD", "nat POSTROUTING"]);
    assert.equal(told, 0);
    world.nat = [];
    await watch.look();
    assert.equal(told, 1);
    await watch.end();
  });

  it("misses nothing that is on its way", () => {
    const other = { ...desired, tables: desired.tables.filter(({ family }) => family === 4) };
    assert.deepEqual(
      filterHooks.map(({ chain, leadsTo }) => `${chain} ${leadsTo}`),
      ["FORWARD BRDL-FORWARD", "INPUT BRDL-INPUT", "OUTPUT BRDL-OUTPUT", "FORWARD BRDL-FORWARD-END"],
    );
    const ofOne = wanted.filter(({ family }) => family === 4);
    assert.deepEqual(hooksToKeep(desired, other), ofOne);
    assert.deepEqual(hooksToKeep(other, desired), ofOne);
    assert.deepEqual(hooksToKeep(null, desired), []);
  });

  it("reads a whole table when its outline is another one, and no oftener than a twentieth of the time", async () => {
    const world = { nowMs: 0, outline: "a", rules: [...hooked], reads: 0 };
    const told: number[] = [];
    const source = {
      family: 4 as const,
      readsSingleChains: false,
      outline: async () => world.outline,
      read: async () => {
        world.reads += 1;
        world.nowMs += 10;
        return world.rules;
      },
    };
    const watch = new HookWatch({
      sources: () => [source],
      hooks: () => filterHooks,
      nowMs: () => world.nowMs,
      isInForce: () => true,
      repair: async () => {},
      onGone: () => told.push(world.nowMs),
    });
    const look = async (nowMs: number, more: Partial<typeof world> = {}): Promise<number> => {
      Object.assign(world, more, { nowMs });
      await watch.look();
      return world.reads;
    };
    assert.equal(await look(0), 1);
    assert.equal(await look(1_000), 1, "nothing is another");
    assert.equal(await look(2_000, { outline: "b" }), 2, "others have added a rule");
    assert.equal(await look(2_100, { outline: "c", rules: [] }), 2, "it rests for 200 ms");
    assert.deepEqual(told, []);
    assert.equal(await look(3_000), 3);
    assert.deepEqual(told, [3_010]);
    assert.equal(await look(4_000), 4, "it was not well");
    assert.equal(await look(5_000, { outline: "d", rules: [...hooked] }), 5);
    assert.equal(await look(6_000), 5);
    assert.equal(told.length, 2);
    await watch.end();
  });
});
