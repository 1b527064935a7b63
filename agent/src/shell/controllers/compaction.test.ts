import assert from "node:assert/strict";
import { StoreError } from "@brindle/api";
import { pino } from "pino";
import { describe, it } from "vitest";
import { keepShort } from "./compaction.ts";

/** Of each round the newest revision, or that etcd is away; answers what was forgotten, and what was said of the health. */
async function rounds(newest: readonly (string | null)[]): Promise<{ forgotten: string[]; health: (string | null)[] }> {
  const [forgotten, health]: [string[], (string | null)[]] = [[], []];
  const ending = new AbortController();
  let round = 0;
  const history = {
    revision: async () => {
      const revision = newest[round];
      if (revision == null) throw new StoreError({ code: "UNAVAILABLE", reason: "etcd is away" });
      return revision;
    },
    forgetBefore: async (revision: string) => void forgotten.push(revision),
  };
  const pause = async (): Promise<void> => {
    round += 1;
    if (round === newest.length) ending.abort();
  };
  const onHealth = (problem: string | null): void => void health.push(problem);
  await keepShort(history, { log: pino({ level: "silent" }), onHealth, pause }, ending.signal);
  return { forgotten, health };
}

describe("the history of etcd", () => {
  it("is as long as one pause", async () => {
    assert.deepEqual((await rounds(["5", "9", "12"])).forgotten, ["5", "9"]);
  });

  it("is left alone where nothing was written", async () => {
    assert.deepEqual((await rounds(["5", "5", "5"])).forgotten, []);
  });

  it("is cut later where etcd was away, and that is told", async () => {
    const { forgotten, health } = await rounds(["5", null, "9"]);
    assert.deepEqual(forgotten, ["5"]);
    assert.deepEqual(health, [null, "etcd is away", null]);
  });
});
