import assert from "node:assert/strict";
import { type KernelChange, KernelError, parsePrefix, type Route } from "@brindle/net";
import type { ChangeOutcome } from "@brindle/net/shell";
import { describe, it, vi } from "vitest";
import { RouteSync, type RouteSyncPorts } from "./routeSync.ts";

/** Holds what it is given, and refuses what the test says. Tells nothing of itself. */
class FakeKernel {
  reads = 0;
  refuses: (change: KernelChange) => boolean = () => false;
  readonly applied: KernelChange[] = [];

  readonly port: RouteSyncPorts["kernel"] = {
    routes: async (): Promise<Route[]> => {
      this.reads += 1;
      return [];
    },
    routeTo: async () => assert.fail("no next hop is asked for"),
    apply: async (changes) => changes.map((change) => this.#outcomeOf(change)),
    watch: () => ({ close: () => {}, [Symbol.dispose]: () => {} }),
  };

  #outcomeOf(change: KernelChange): ChangeOutcome {
    if (this.refuses(change)) {
      return { kind: "failed", error: new KernelError(exists) };
    }
    this.applied.push(change);
    return { kind: "done" };
  }
}

const exists = { code: "EXISTS", object: "add route", errno: 17, name: "EEXIST", text: "already exists" } as const;

function started(): { kernel: FakeKernel; sync: RouteSync; health: (string | null)[] } {
  const kernel = new FakeKernel();
  const health: (string | null)[] = [];
  const sync = new RouteSync({ kernel: kernel.port, onNextHops: () => {}, onHealth: (text) => health.push(text) });
  return { kernel, sync, health };
}

const block = parsePrefix("10.244.0.0/26") ?? assert.fail();
const other = parsePrefix("10.244.0.64/26") ?? assert.fail();

describe("routes that follow BGP", () => {
  it("have no problem when a change fails that is not needed any more after a look", async () => {
    const { kernel, sync, health } = started();
    await sync.resync();
    let left = 1;
    kernel.refuses = () => left-- > 0;
    sync.setOwnBlocks([block]);
    await vi.waitFor(() => assert.equal(health.length, 2));
    assert.deepEqual(health, [null, null]);
    assert.equal(kernel.reads, 2);
    await sync.end();
  });

  it("have one when it fails again, and try no more until something changes", async () => {
    const { kernel, sync, health } = started();
    await sync.resync();
    kernel.refuses = ({ op }) => op === "addRoute";
    sync.setOwnBlocks([block]);
    await vi.waitFor(() => assert.equal(health.length, 2));
    assert.match(health.at(-1) ?? "", /10\.244\.0\.0\/26.*another program/);
    assert.equal(kernel.reads, 2);
    kernel.refuses = () => false;
    sync.setOwnBlocks([block, other]);
    await vi.waitFor(() => assert.equal(health.at(-1), null));
    assert.equal(kernel.applied.length, 2);
    await sync.end();
  });
});
