import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, it } from "vitest";
import { CoalescedWork } from "./coalescedWork.ts";

function counted() {
  const seen: number[] = [];
  const state = { asked: 0 };
  const work = new CoalescedWork({
    work: async () => {
      seen.push(state.asked);
    },
    onFailure: (error) => assert.fail(String(error)),
  });
  const ask = (options?: Parameters<CoalescedWork["ask"]>[0]) => {
    state.asked++;
    work.ask(options);
  };
  return { seen, work, ask };
}

describe("work that is asked for often", () => {
  it("is done once for all that is asked in a turn of the loop", async () => {
    const { seen, work, ask } = counted();
    ask();
    await Promise.resolve();
    ask();
    await work.settled();
    assert.deepEqual(seen, [2]);
  });

  it("is done before the turn is over where somebody waits, once for all that one answer brings", async () => {
    const { seen, work, ask } = counted();
    const turn = nextTurn();
    const answered = Promise.withResolvers<void>();
    const waiting = [1, 2, 3].map(() => answered.promise.then(() => ask({ atOnce: true })));
    answered.resolve();
    await Promise.all(waiting);
    let isTurnOver = false;
    void turn.then(() => {
      isTurnOver = true;
    });
    await work.settled();
    assert.deepEqual([seen, isTurnOver], [[3], false]);
  });

  it("runs again for what is asked while it runs", async () => {
    const { seen, work, ask } = counted();
    ask({ atOnce: true });
    await new Promise<void>((resolve) => process.nextTick(resolve));
    ask();
    await work.settled();
    assert.deepEqual(seen, [1, 2]);
  });
});
