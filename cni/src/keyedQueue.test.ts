import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { KeyedQueue } from "./keyedQueue.ts";

describe("tasks of a queue", () => {
  it("run one after the other with one key, whatever became of the one before, and at once with two", async () => {
    const queue = new KeyedQueue();
    const gate = Promise.withResolvers<void>();
    const order: string[] = [];
    const first = queue.run("a", async () => {
      await gate.promise;
      order.push("a1");
      throw new Error("a1 failed");
    });
    const second = queue.run("a", async () => order.push("a2"));
    await queue.run("b", async () => order.push("b1"));
    gate.resolve();
    await assert.rejects(first, /a1 failed/);
    await second;
    assert.deepEqual(order, ["b1", "a1", "a2"]);
  });
});
