/**
 * Random histories of nodes, pods, pools, faults and kills, on both sorts of datastore: no address is ever given twice or taken from
 * whoever was told that it is his, blocks are sound after each write, and in the end nothing is left that nobody has. `npm run soak
 * -- ipam` makes a million operations of the same.
 */
import { describe, expect, it } from "vitest";
import { historyOf, live } from "./model/history.ts";
import { stores } from "./model/world.ts";

const histories = 15;
const steps = 400;
const seed = Number(process.env.BRINDLE_SEED ?? 1);

describe("addresses in random histories", () => {
  for (const transactions of stores) {
    it(`hold together with transactions of ${transactions}, from seed ${seed} on`, { timeout: 120_000 }, async () => {
      const sums = { operations: 0, kills: 0, repairs: 0 };
      for (let i = 0; i < histories; i++) {
        const again = `again: BRINDLE_SEED=${seed + i}`;
        const { operations, kills, repairs } = await live(historyOf(seed + i, { transactions, steps }), again);
        sums.operations += operations;
        sums.kills += kills;
        sums.repairs += repairs;
      }
      console.log(`${transactions}: ${sums.operations} operations, ${sums.kills} kills, ${sums.repairs} repairs`);
      // A model in which nothing happens holds whatever one likes.
      expect(sums.repairs).toBeGreaterThan(20);
    });
  }
});
