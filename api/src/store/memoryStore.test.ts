/** The faults. What it does when nothing fails is in the contract that all stores share (test/src/storeContract). */
import assert from "node:assert/strict";
import { describe, it } from "vitest";
import type { BlockAffinity } from "../kinds/blockAffinity.ts";
import { StoreError } from "./error.ts";
import { MemoryData } from "./memoryData.ts";
import { MemoryStore } from "./memoryStore.ts";
import type { Key, WatchEvent, Write } from "./store.ts";

const key: Key<"BlockAffinity"> = { kind: "BlockAffinity", name: "host:n/10.0.0.0/26" };
const value: BlockAffinity = { state: "confirmed", deleted: false };
const create: Write = { op: "create", key, value };

describe("the store in memory", () => {
  it("does nothing before its scheduler does, and in the scheduler's order", async () => {
    const work: (() => void)[] = [];
    const store = new MemoryStore({ schedule: (task) => work.push(task) });
    const created = store.commit([create]);
    const read = store.get(key);
    assert.equal(work.length, 2);
    for (const task of work.toReversed()) task();
    assert.equal(await read, null);
    assert.equal((await created).kind, "committed");
  });

  it("does a transaction whose reply it loses", async () => {
    const store = new MemoryStore();
    store.loseReplies(1);
    await assert.rejects(store.commit([create]), (error) => error instanceof StoreError);
    assert.deepEqual((await store.get(key))?.value, value);
    assert.equal((await store.commit([create])).kind, "conflict");
  });

  it("lists anew for a watch whose history was compacted before it was told", () => {
    const work: (() => void)[] = [];
    const runAll = () => {
      for (const task of work.splice(0)) task();
    };
    const data = new MemoryData();
    const store = new MemoryStore({ data, schedule: (task) => work.push(task) });
    const events: WatchEvent[] = [];
    store.watch(["BlockAffinity"], (event) => events.push(event));
    data.commit([create]);
    runAll();
    data.commit([{ op: "put", key, value: { ...value, state: "pendingDeletion" } }]);
    data.commit([{ op: "delete", key, revision: String(data.revision) }]);
    data.compact();
    runAll();
    assert.deepEqual(
      events.map(({ type }) => type),
      ["changed", "inSync", "deleted"],
    );
  });

  it("cuts off one client of several", async () => {
    const data = new MemoryData();
    const [cut, other] = [new MemoryStore({ data }), new MemoryStore({ data })];
    cut.disconnect("cable");
    await assert.rejects(cut.get(key), /cable/);
    await other.commit([create]);
    cut.reconnect();
    assert.deepEqual((await cut.get(key))?.value, value);
  });
});
