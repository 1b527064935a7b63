/** The short share of `npm run soak -- bgp`. */
import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { playRound } from "./round.ts";
import { smallest } from "./smallest.ts";

const first = Number(process.env.BRINDLE_SEED ?? 20261121);
const rounds = 4;

describe("speakers in virtual time", () => {
  it.each(Array.from({ length: rounds }, (_, i) => first + i))(
    "reach the tables that a naive computation gives, whatever happens in which order (BRINDLE_SEED=%i)",
    (seed) => {
      const { speakers = 0, events = 0 } = playRound(seed, { routersMax: 24, incidents: 30 });
      assert.ok(speakers >= 24 && events > 10_000, `${speakers} speakers, ${events} events`);
    },
  );
});

describe("the smallest part of a list that fails", () => {
  const cases: { name: string; fails: (part: readonly number[]) => boolean; least: number[] }[] = [
    { name: "is one element", fails: (part) => part.includes(7), least: [7] },
    { name: "is two that are far apart", fails: (part) => part.includes(1) && part.includes(98), least: [1, 98] },
    { name: "is nothing, where nothing is needed", fails: () => true, least: [] },
    {
      name: "keeps its order",
      fails: (part) => part.indexOf(60) > part.indexOf(40) && part.includes(40),
      least: [40, 60],
    },
  ];
  it.each(cases)("$name", ({ fails, least }) => {
    const list = Array.from({ length: 100 }, (_, i) => i);
    assert.deepEqual(smallest(list, fails), least);
  });
});
