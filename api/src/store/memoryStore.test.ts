/** The faults. What it does when nothing fails is in the contract that all stores share (test/src/storeContract). */
import assert from "node:assert/strict";
import { describe, it } from "vitest";
import type { BlockAffinity } from "../kinds/blockAffinity.ts";
import { StoreError } from "./error.ts";
import { etcdKey, parseEtcdKey } from "./etcdKeys.ts";
import { MemoryData } from "./memoryData.ts";
import { MemoryStore, type MemoryStoreOptions } from "./memoryStore.ts";
import { requestBytesMax } from "./request.ts";
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
      ["changed", "inSync", "trouble", "deleted"],
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

  it("as a store of single writes refuses two, and an expectation beside one", async () => {
    const store = new MemoryStore({ transactions: "single" });
    assert.equal((await store.commit([create])).kind, "committed");
    const absent: Write = { op: "expect", key: { kind: "Node", name: "n" }, revision: null };
    await assert.rejects(
      store.commit([absent, { op: "put", key, value }]),
      /Node\(n\), BlockAffinity\(.*one object at a time/,
    );
  });

  it("refuses what etcd refuses: too large a request, and names that are none", async () => {
    const store = new MemoryStore();
    const annotations = { padding: "x".repeat(requestBytesMax) };
    const large: Write = {
      op: "put",
      key: { kind: "Node", name: "n" },
      value: { apiVersion: "projectcalico.org/v3", kind: "Node", metadata: { name: "n", annotations }, spec: {} },
    };
    await assert.rejects(store.commit([large]), /is too large/);
    for (const name of ["", "a/b"]) {
      await assert.rejects(store.commit([{ ...large, key: { kind: "Node", name } }]), /no name under which/);
    }
  });

  it("tells all anew when it is set back, also what has the revision that it had", () => {
    const { store, data, run } = stepwise();
    const events: WatchEvent[] = [];
    store.watch(["BlockAffinity"], (event) => events.push(event));
    run();
    const older = data.snapshot();
    data.commit([create]);
    run();
    data.restore(older);
    data.commit([{ ...create, value: { ...value, state: "pending" } }]);
    run();
    assert.deepEqual(
      events.map((event) => (event.type === "changed" ? `${event.type} ${event.item.revision}` : event.type)),
      ["inSync", "changed 2", "trouble", "changed 2"],
    );
  });

  it("says how old a watch's news is", () => {
    let nowMs = 0;
    const { store, data, run } = stepwise({ nowMs: () => nowMs });
    const watch = store.watch(["BlockAffinity"], () => {});
    assert.equal(watch.stalenessMs(), null);
    run();
    store.disconnect("cable");
    nowMs = 700;
    data.commit([create]);
    run();
    assert.equal(watch.stalenessMs(), 700);
    store.reconnect();
    run();
    assert.equal(watch.stalenessMs(), 0);
  });

  for (const seed of [1, 2, 3, 4, 5]) {
    it(`with faults of the seed ${seed} tells in the end what is stored, and the same each time`, () => {
      const story = playWithFaults(seed);
      assert.deepEqual(story.told, story.stored);
      assert.ok(story.events.includes("disconnected"));
      assert.deepEqual(playWithFaults(seed).events, story.events);
    });
  }
});

function stepwise(options: Omit<MemoryStoreOptions, "schedule"> = {}) {
  const work: (() => void)[] = [];
  const store = new MemoryStore({ ...options, schedule: (task) => work.push(task) });
  const turn = () => {
    for (const task of work.splice(0)) task();
  };
  return {
    store,
    data: store.data,
    turn,
    run: () => {
      while (work.length > 0) turn();
    },
  };
}

/** Nodes are written and deleted by somebody else while one watches them through everything that can happen. */
function playWithFaults(seed: number) {
  const faults = { seed, delayChange: 0.3, duplicateChange: 0.2, loseWatch: 0.05 };
  const { store, data, turn, run } = stepwise({ faults });
  const told = new Map<string, string>();
  const events: string[] = [];
  store.watch(["BlockAffinity"], (event) => {
    events.push(event.type);
    if (event.type === "changed") {
      const before = told.get(event.item.key.name);
      assert.ok(before === undefined || BigInt(before) < BigInt(event.item.revision), "a key never goes back");
      told.set(event.item.key.name, event.item.revision);
    }
    if (event.type === "deleted") told.delete(event.key.name);
  });
  for (let i = 0; i < 400; i++) {
    const name = `host:n${(i * 7) % 11}/10.0.0.0/26`;
    const text = i % 5 === 0 ? null : '{"state":"confirmed","deleted":false}';
    data.writeText(etcdKey({ kind: "BlockAffinity", name }), text);
    if (i % 90 === 0) data.compact();
    if (i % 3 === 0) turn();
  }
  run();
  const stored = data.dump().map((entry) => [parseEtcdKey("BlockAffinity", entry.key)?.name, entry.revision]);
  return { events, stored, told: [...told].sort(([a], [b]) => (a < b ? -1 : 1)) };
}
