import assert from "node:assert/strict";
import type { RuleCount } from "@brindle/net";
import { describe, it } from "vitest";
import { HookWatch } from "./hookWatch.ts";

const count = (chain: string, comment: string): RuleCount => ({ chain, comment, packets: 0 });
const hooked = [count("FORWARD", "brdl:x hook"), count("BRDL-FORWARD", "brdl:y from pods"), count("FORWARD", "")];

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
  { name: "repairs where our chain is empty", rules: () => hooked.slice(0, 1), repairs: 1 },
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
        isInForce: () => isInForce,
        repair: async () => void repaired++,
        onGone: () => told++,
      });
      await Promise.all([watch.look(), watch.look()]);
      await watch.end();
      assert.deepEqual([repaired, told], [repairs, repairs]);
    });
  }
});
