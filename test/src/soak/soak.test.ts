import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { readOptions, type SoakOptions } from "./options.ts";
import { runRounds } from "./rounds.ts";
import type { OpenSoak } from "./soak.ts";

const names = ["ipam", "bgp"];

describe("the command line of a soak", () => {
  const good: { args: string; options: SoakOptions }[] = [
    { args: "bgp", options: { name: "bgp", forMs: null, seed: 77 } },
    { args: "bgp --for 90s", options: { name: "bgp", forMs: 90_000, seed: 77 } },
    { args: "--seed 5 --for 2h ipam", options: { name: "ipam", forMs: 7_200_000, seed: 5 } },
  ];
  it.each(good)("reads $args", ({ args, options }) => {
    assert.deepEqual(readOptions(args.split(" "), names, 77), options);
  });

  const bad: { args: string; text: RegExp }[] = [
    { args: "", text: /usage: .* there is ipam, bgp/ },
    { args: "ospf", text: /no soak is called "ospf"; there is ipam, bgp/ },
    { args: "bgp ipam", text: /one soak at a time/ },
    { args: "bgp --for ten", text: /--for ten: a number with s, m or h/ },
    { args: "bgp --seed -1", text: /seed/ },
    { args: "bgp --seed 1e3", text: /--seed 1e3: a whole number/ },
    { args: "bgp --seed 2147483648", text: /from 0 to 2147483647/ },
    { args: "bgp --fast", text: /--fast/ },
  ];
  it.each(bad)("refuses '$args'", ({ args, text }) => {
    assert.throws(() => readOptions(args.split(" ").filter(Boolean), names, 77), { message: text });
  });
});

describe("the rounds of a soak", () => {
  const soakThat = (round: (seed: number) => number): OpenSoak => ({
    round: async (seed) => ({ events: round(seed) }),
    [Symbol.asyncDispose]: async () => {},
  });
  /** A second a round. */
  const clock = (): (() => number) => {
    let nowMs = 0;
    return () => (nowMs += 1_000);
  };

  it("go on until the time is over, each with the next seed", async () => {
    const seeds: number[] = [];
    const result = await runRounds(
      soakThat((seed) => seeds.push(seed)),
      { seed: 2 ** 31 - 2, forMs: 3_000, nowMs: clock() },
    );
    assert.deepEqual(seeds, [2 ** 31 - 2, 2 ** 31 - 1, 0]);
    assert.deepEqual(result, { rounds: 3, counts: { events: 6 }, failure: null });
  });

  it("go on until enough is done, where that is asked for", async () => {
    const soak: OpenSoak = {
      round: async () => ({ ADDs: 2, DELs: 3, kills: 100 }),
      [Symbol.asyncDispose]: async () => {},
    };
    const least = { counts: ["ADDs", "DELs"], sum: 11 };
    const { rounds } = await runRounds(soak, { seed: 1, forMs: 0, least, nowMs: clock() });
    assert.equal(rounds, 3);
  });

  it("are one at least", async () => {
    assert.equal((await runRounds(soakThat(Number), { seed: 1, forMs: 0, nowMs: clock() })).rounds, 1);
  });

  it("end at one that does not hold, whose seed is told", async () => {
    const error = new Error("two speakers differ");
    const soak = soakThat((seed) => {
      if (seed === 6) throw error;
      return 1;
    });
    const result = await runRounds(soak, { seed: 5, forMs: 60_000, nowMs: clock() });
    assert.deepEqual(result, { rounds: 2, counts: { events: 1 }, failure: { seed: 6, error } });
  });
});
