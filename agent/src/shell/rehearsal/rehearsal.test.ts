import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { describe, it } from "vitest";
import { type RehearsalPorts, rehearse, startRehearsal } from "./rehearsal.ts";
import { allOver } from "./stage.ts";

/** Counts what happens on it; `onLife` may do something meanwhile. */
class FakeStage {
  isOpen = false;
  lived = 0;
  onLife: () => void = () => {};
  readonly calls = { underWay: 0, podsWork: 0 };
  readonly ended = new AbortController();

  get ports(): RehearsalPorts {
    return {
      calls: this.calls,
      transactions: "many",
      signal: this.ended.signal,
      openStage: async ({ pods }) => {
        this.isOpen = true;
        return {
          lives: async () => {
            await delay(1);
            this.lived += pods;
            this.onLife();
          },
          [Symbol.asyncDispose]: async () => {
            this.isOpen = false;
          },
        };
      },
    };
  }
}

describe("a rehearsal", () => {
  it("goes on until so many pods came and went, and leaves no stage", async () => {
    const stage = new FakeStage();
    assert.equal(await rehearse(stage.ports, 10), 10);
    assert.equal(stage.lived, 10);
    assert.equal(stage.isOpen, false);
  });

  it("opens none where real pods have done as much, an ADD and a DEL each", async () => {
    const stage = new FakeStage();
    stage.calls.podsWork = 20;
    stage.onLife = () => assert.fail("nobody needs it");
    assert.equal(await rehearse(stage.ports, 10), 0);
    stage.calls.podsWork = 12;
    stage.onLife = () => {};
    assert.equal(await rehearse(stage.ports, 10), 4);
  });

  it("waits while a runtime asks for something", async () => {
    const stage = new FakeStage();
    stage.calls.underWay = 1;
    const rehearsal = rehearse(stage.ports, 4);
    await delay(50);
    assert.equal(stage.isOpen, false);
    stage.onLife = () => {
      stage.calls.underWay = stage.lived === 2 ? 1 : 0;
    };
    stage.calls.underWay = 0;
    while (stage.lived < 2) await delay(1);
    await delay(50);
    assert.equal(stage.lived, 2);
    stage.calls.underWay = 0;
    assert.equal(await rehearsal, 4);
  });

  it("is over when its agent ends, also while it waits", async () => {
    const stage = new FakeStage();
    stage.onLife = () => stage.ended.abort();
    assert.equal(await rehearse(stage.ports, 10), 2);
    assert.equal(stage.isOpen, false);
    const waiting = new FakeStage();
    waiting.calls.underWay = 1;
    const rehearsal = rehearse(waiting.ports, 10);
    waiting.ended.abort();
    assert.equal(await rehearsal, 0);
  });

  it("gives up a life that is under way when its agent ends, and leaves no stage then", async () => {
    const ended = new AbortController();
    const told: unknown[] = [];
    const ports: RehearsalPorts = {
      ...new FakeStage().ports,
      signal: ended.signal,
      openStage: async () => ({
        lives: (signal) => {
          setImmediate(() => ended.abort());
          return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        },
        [Symbol.asyncDispose]: async () => void told.push("gone"),
      }),
    };
    assert.equal(await rehearse(ports, 10), 0);
    assert.deepEqual(told, ["gone"]);
  });

  it("fails where a pod would not have come, and leaves no stage then", async () => {
    const stage = new FakeStage();
    stage.onLife = () => {
      throw new Error("no address");
    };
    await assert.rejects(rehearse(stage.ports, 10), /no address/);
    assert.equal(stage.isOpen, false);
  });
});

it("pods that come at once are over when each is, though one has failed before", async () => {
  const slow = Promise.withResolvers<void>();
  let isOver = false;
  const both = allOver([Promise.reject(new Error("no address")), slow.promise]).finally(() => {
    isOver = true;
  });
  both.catch(() => {});
  await delay(1);
  assert.equal(isOver, false);
  slow.resolve();
  await assert.rejects(both, /no address/);
});

it("an agent that ends before it was ready rehearses nothing", async () => {
  const told: unknown[] = [];
  const rehearsing = startRehearsal({
    store: { transactions: "many" },
    calls: { underWay: 0, podsWork: 0 },
    ready: new Promise(() => {}),
    log: { debug: (what: unknown) => told.push(what) },
  });
  await rehearsing[Symbol.asyncDispose]();
  assert.deepEqual(told, [{ pods: 0 }]);
});
