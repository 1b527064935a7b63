import { historyOf, live } from "../ipam/model/history.ts";
import { stores } from "../ipam/model/world.ts";
import type { Soak } from "./soak.ts";

/** Of these, one in a hundred is of a thousand nodes and more. */
const steps = 2_000;
const crowd = 1_500;

export const ipamSoak: Soak = {
  name: "ipam",
  what: "no address is given twice, taken from who has it, or left when nobody has it, on either sort of datastore",
  least: { counts: ["operations"], sum: 1_000_000 },
  open: async () => ({
    round: async (seed) => {
      const isCrowded = seed % 100 === 99;
      const counts: Record<string, number> = {};
      for (const transactions of stores) {
        const history = historyOf(seed, { transactions, steps, ...(isCrowded && { nodes: crowd }) });
        const lived = await live(history, `with transactions of ${transactions}`);
        for (const [name, count] of Object.entries(lived)) counts[name] = (counts[name] ?? 0) + count;
      }
      return counts;
    },
    [Symbol.asyncDispose]: async () => {},
  }),
};
