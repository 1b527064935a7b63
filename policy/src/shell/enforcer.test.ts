import assert from "node:assert/strict";
import { KernelError, type KernelSet, type SavedChain, type SetChange, type TableTransaction } from "@brindle/net";
import type { Tables } from "@brindle/net/shell";
import { describe, expect, it } from "vitest";
import type { Desired } from "../graph/desired.ts";
import { PolicyGraph } from "../graph/policyGraph.ts";
import { PolicyError } from "../policyError.ts";
import { addressSample, endpointSample, namespaceProfileSample } from "../sampleCluster.ts";
import { Enforcer, type EnforcerPorts } from "./enforcer.ts";

/** A kernel without sets whose tables take a commit, fail it, or hold it, as the test says. */
class FakeKernel implements EnforcerPorts {
  readonly commits: TableTransaction[] = [];
  readonly saved: string[] = [];
  readonly scheduled: { delayMs: number; work: () => void }[] = [];
  readonly failures: unknown[] = [];
  failuresLeft = 0;
  hold: Promise<void> = Promise.resolve();
  readonly tables: Tables[] = [
    {
      family: 4,
      backend: "nft",
      save: async (table) => {
        this.saved.push(table);
        return { table, chains: new Map<string, SavedChain>() };
      },
      commit: async (transactions) => {
        await this.hold;
        this.#fail();
        this.commits.push(...transactions);
      },
    },
  ];
  /** Sets that cannot be destroyed. */
  strays: readonly string[] = [];
  /** What was asked of the sets, in order. */
  readonly asked: string[] = [];
  room: Promise<void> = Promise.resolve();
  readonly sets = {
    makeRoom: async (): Promise<void> => {
      this.asked.push("room");
      await this.room;
      this.asked.push("room made");
    },
    list: async (): Promise<KernelSet[]> => this.strays.map(straySet),
    apply: async (changes: readonly SetChange[]): Promise<(KernelError | null)[]> => {
      this.asked.push("sets");
      return changes.map((change) => {
        if (change.op === "add" && this.commits.length > 0) return this.#failure();
        return change.op === "destroy" && this.strays.includes(change.name) ? busy(change.name) : null;
      });
    },
  };

  schedule(delayMs: number, work: () => void): () => void {
    this.scheduled.push({ delayMs, work });
    return () => {};
  }

  #fail(): void {
    const failure = this.#failure();
    if (failure) throw failure;
  }

  #failure(): KernelError | null {
    return this.failuresLeft-- > 0 ? new KernelError({ code: "TIMEOUT", object: "change", timeoutMs: 1 }) : null;
  }

  onFailure = (error: unknown): void => {
    this.failures.push(error);
  };
}

function straySet(name: string): KernelSet {
  const numbers = { hashSize: null, maxElements: null, references: 1 };
  return { name, type: "hash:net", family: 4, ...numbers, members: [] };
}

function busy(object: string): KernelError {
  return new KernelError({ code: "BUSY", object, errno: 4108, name: "IPSET_ERR_REFERENCED", text: "in use" });
}

function desiredWith(...addresses: string[]): Desired {
  const graph = new PolicyGraph({ node: "node1" });
  const endpoints = addresses.map((address, index) => endpointSample(`pod${index}`, { addresses: [address] }));
  for (const value of [namespaceProfileSample("default"), ...endpoints]) {
    graph.receive({ key: { kind: value.kind, ...value.metadata }, value });
  }
  return graph.desired();
}

describe("the enforcer", () => {
  it("reads back the tables in which something of ours is to be, now and then and after a failure all", async () => {
    const kernel = new FakeKernel();
    const enforcer = new Enforcer(kernel);
    const readBy = async (work: Promise<void>): Promise<string[]> => {
      await work;
      return kernel.saved.splice(0);
    };
    const all = ["filter", "nat", "mangle", "raw"];
    assert.deepEqual(await readBy(enforcer.apply(desiredWith("10.0.0.1"))), all);
    for (let turn = 1; turn < 10; turn++) assert.deepEqual(await readBy(enforcer.resync()), ["filter"]);
    assert.deepEqual(await readBy(enforcer.resync()), all);

    kernel.failuresLeft = 1;
    const applied = enforcer.apply(desiredWith("10.0.0.1", "10.0.0.2"));
    await expect.poll(() => kernel.scheduled.length).toBe(1);
    kernel.scheduled.pop()?.work();
    assert.deepEqual(await readBy(applied), all);
  });

  it("reads ahead before it knows what is desired, once", async () => {
    const kernel = new FakeKernel();
    const enforcer = new Enforcer(kernel);
    enforcer.readAhead();
    enforcer.readAhead();
    await enforcer.apply(desiredWith("10.0.0.1"));
    assert.deepEqual(kernel.saved, ["filter", "nat", "mangle", "raw"]);
    assert(kernel.commits.length > 0);
  });

  const foreseen = [
    { name: "many policies", policies: 10_000, strays: [], asked: "room" },
    { name: "few", policies: 10, strays: [], asked: undefined },
    { name: "many, where an agent before has left sets", policies: 10_000, strays: ["brdl4_stray"], asked: undefined },
  ];
  for (const { name, policies, strays, asked } of foreseen) {
    it(`${asked ? "makes room once" : "makes no room"} for the sets of ${name}`, async () => {
      const kernel = new FakeKernel();
      kernel.strays = strays;
      const enforcer = new Enforcer(kernel);
      enforcer.readAhead();
      enforcer.foresee(policies);
      enforcer.foresee(policies + 1);
      await expect.poll(() => kernel.saved.length).toBe(4);
      if (asked) await expect.poll(() => kernel.asked).toEqual(["room", "room made"]);
      await enforcer.apply(desiredWith("10.0.0.1"));
      enforcer.foresee(policies + 2);
      assert.equal(kernel.asked[0], asked ?? "sets");
      await enforcer.close();
      assert.equal(kernel.asked.filter((what) => what === "room").length, asked ? 1 : 0);
    });
  }

  it("makes sets once there is room for them, and ends when nothing more is made", async () => {
    const kernel = new FakeKernel();
    const { promise, resolve } = Promise.withResolvers<void>();
    kernel.room = promise;
    const enforcer = new Enforcer(kernel);
    enforcer.readAhead();
    enforcer.foresee(10_000);
    await expect.poll(() => kernel.asked).toEqual(["room"]);
    const applied = enforcer.apply(desiredWith("10.0.0.1"));
    await new Promise(setImmediate);
    assert.deepEqual(kernel.asked, ["room"]);
    const closed = enforcer.close();
    await assert.rejects(applied);
    resolve();
    await closed;
    assert.equal(kernel.asked[1], "room made");
  });

  it("brings policy into force where no room can be made", async () => {
    const kernel = new FakeKernel();
    kernel.room = Promise.reject(busy("room"));
    kernel.room.catch(() => {});
    const enforcer = new Enforcer(kernel);
    enforcer.readAhead();
    enforcer.foresee(10_000);
    await expect.poll(() => kernel.asked).toEqual(["room"]);
    await enforcer.apply(desiredWith("10.0.0.1"));
    assert.deepEqual(kernel.failures, []);
  });

  it("tells of a kernel that cannot be read when something is to be applied, and not before", async () => {
    const kernel = new FakeKernel();
    const [port] = kernel.tables;
    if (port) Object.assign(port, { save: async () => Promise.reject(busy("filter")) });
    const enforcer = new Enforcer(kernel);
    enforcer.readAhead();
    await expect.poll(() => enforcer.counters().readBacks).toBe(1);
    assert.deepEqual(kernel.failures, []);
    void enforcer.apply(desiredWith("10.0.0.1")).catch(() => {});
    await expect.poll(() => kernel.failures.length).toBe(1);
    await enforcer.close();
  });

  it("retries what failed, later each time, and then reads back first", async () => {
    const kernel = new FakeKernel();
    kernel.failuresLeft = 3;
    const enforcer = new Enforcer(kernel);
    const applied = enforcer.apply(desiredWith("10.0.0.1"));
    const delays: number[] = [];
    for (let attempt = 0; attempt < 3; attempt++) {
      await expect.poll(() => kernel.scheduled.length).toBe(1);
      const [retry] = kernel.scheduled.splice(0);
      delays.push(retry?.delayMs ?? 0);
      retry?.work();
    }
    await applied;
    expect(delays).toEqual([100, 200, 400]);
    expect(enforcer.counters()).toMatchObject({ applied: 1, failed: 3, readBacks: 4 });
    expect(kernel.failures).toHaveLength(3);
  });

  it("tries ever more seldom to destroy a set that somebody's rule refers to, and goes on from the start once it is gone", async () => {
    const kernel = new FakeKernel();
    kernel.strays = ["brdl4_stray"];
    const enforcer = new Enforcer(kernel);
    await enforcer.apply(desiredWith("10.0.0.1"));
    const delays: number[] = [];
    for (let attempt = 0; attempt < 9; attempt++) {
      await expect.poll(() => kernel.scheduled.length).toBe(1);
      const [retry] = kernel.scheduled.splice(0);
      delays.push(retry?.delayMs ?? 0);
      retry?.work();
    }
    expect(delays).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
    expect(enforcer.counters().failed).toBe(0);
    await expect.poll(() => kernel.scheduled.length).toBe(1);
    kernel.strays = [];
    await enforcer.resync();
    kernel.scheduled.length = 0;
    kernel.strays = ["brdl4_stray"];
    await enforcer.resync();
    expect(kernel.scheduled.map(({ delayMs }) => delayMs)).toEqual([100]);
  });

  it("does not read back again as long as it knows", async () => {
    const enforcer = new Enforcer(new FakeKernel());
    await enforcer.apply(desiredWith("10.0.0.1"));
    await enforcer.apply(desiredWith("10.0.0.1", "10.0.0.2"));
    expect(enforcer.counters()).toMatchObject({ applied: 2, readBacks: 1 });
    await enforcer.resync();
    expect(enforcer.counters()).toMatchObject({ applied: 3, readBacks: 2 });
  });

  it("skips states that a newer one has overtaken", async () => {
    const kernel = new FakeKernel();
    const { promise, resolve } = Promise.withResolvers<void>();
    kernel.hold = promise;
    const enforcer = new Enforcer(kernel);
    const all = [1, 2, 3, 4, 5].map((last) => enforcer.apply(desiredWith(`10.0.0.${last}`)));
    resolve();
    await Promise.all(all);
    expect(enforcer.counters().applied).toBe(2);
  });

  it("says that an endpoint is in force with its addresses, and not before", async () => {
    const enforcer = new Enforcer(new FakeKernel());
    const addresses = [addressSample("10.0.0.9")];
    let isInForce = false;
    const inForce = enforcer.inForce("default/pod0", { addresses }).then(() => {
      isInForce = true;
    });
    await enforcer.apply(desiredWith("10.0.0.1"));
    expect(isInForce).toBe(false);
    await enforcer.apply(desiredWith("10.0.0.9"));
    await inForce;
    await enforcer.inForce("default/pod0");
  });

  it("gives up waiting when told to, and when it is closed", async () => {
    const enforcer = new Enforcer(new FakeKernel());
    const abort = new AbortController();
    const aborted = enforcer.inForce("default/pod0", { signal: abort.signal });
    abort.abort(new Error("too late"));
    await expect(aborted).rejects.toThrow("too late");
    const waiting = enforcer.inForce("default/pod0");
    void enforcer.close();
    await expect(waiting).rejects.toThrow(PolicyError);
    await expect(enforcer.apply(desiredWith())).rejects.toThrow(PolicyError);
  });

  it("is closed when the attempt under way is over, and does not try again after one that fails", async () => {
    const kernel = new FakeKernel();
    const { promise, resolve } = Promise.withResolvers<void>();
    kernel.hold = promise;
    kernel.failuresLeft = 1;
    const enforcer = new Enforcer(kernel);
    const refused = expect(enforcer.apply(desiredWith("10.0.0.1"))).rejects.toThrow(PolicyError);
    let isClosed = false;
    const closed = enforcer.close().then(() => {
      isClosed = true;
    });
    await refused;
    expect(isClosed).toBe(false);
    resolve();
    await closed;
    expect(kernel.failuresLeft).toBe(0);
    expect(kernel.scheduled).toEqual([]);
    expect(kernel.failures).toEqual([]);
  });
});
