import assert from "node:assert/strict";
import type { RuleCount } from "@brindle/net";
import { describe, it } from "vitest";
import { HookWatch } from "./hookWatch.ts";

const count = (chain: string, comment: string): RuleCount => ({ chain, comment, packets: 0 });
const hooked: readonly RuleCount[] = [
  ...["FORWARD", "INPUT", "OUTPUT"].map((chain) => ({ ...count(chain, ""), leadsTo: `BRDL-${chain}` })),
  { ...count("FORWARD", "brdl:z hook behind others"), leadsTo: "BRDL-FORWARD-END" },
  count("BRDL-FORWARD", "brdl:y from pods"),
  count("FORWARD", ""),
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
  {
    name: "repairs where the hook is gone",
    rules: () => hooked.filter(({ chain }) => chain !== "FORWARD"),
    repairs: 1,
  },
  {
    name: "repairs where of both hooks the one behind others is left",
    rules: () => hooked.filter(({ chain, leadsTo }) => chain !== "FORWARD" || leadsTo === "BRDL-FORWARD-END"),
    repairs: 1,
  },
  {
    name: "repairs where the hook of what the node gets is gone",
    rules: () => hooked.filter(({ chain }) => chain !== "INPUT"),
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
        sources: () => [{ family: 4, readsSingleChains, read: async () => rules() }],
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

  it("reads a whole table when its outline is another one, and no oftener than a twentieth of the time", async () => {
    const world = { nowMs: 0, outline: "a", rules: hooked, reads: 0 };
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
    assert.equal(await look(5_000, { outline: "d", rules: hooked }), 5);
    assert.equal(await look(6_000), 5);
    assert.equal(told.length, 2);
    await watch.end();
  });
});
