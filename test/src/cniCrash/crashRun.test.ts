/** A short share of `npm run soak -- cni`: the agent and the executable are killed, and the machine is rebooted. */
import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "vitest";
import type { Namespace } from "../fixtures/namespace.ts";
import { type CrashNode, network, openCrashNode } from "./crashNode.ts";
import { crashRound } from "./crashRound.ts";
import { judge, type Picture } from "./picture.ts";

const seed = Number(process.env.BRINDLE_SEED ?? 7);
let node: CrashNode;
let namespaces: readonly Namespace[];

beforeAll(async () => {
  node = await openCrashNode();
  namespaces = await node.createNamespaces(12);
});

afterAll(async () => node?.[Symbol.asyncDispose]());

describe("agent and executable killed at random", () => {
  it(`leave no address twice, none lost, and nothing behind (BRINDLE_SEED=${seed})`, async () => {
    const counts = await crashRound(node, { seed, operations: 100, killEvery: 50, namespaces });
    assert(counts["killed agents"] > 0 && counts["killed executables"] > 0 && counts.ADDs > 20, JSON.stringify(counts));
  }, 180_000);
});

describe("the comparison", () => {
  const empty: Picture = {
    interfaces: new Map(),
    routes: new Map(),
    held: new Map(),
    handles: new Set(),
    endpoints: new Set(),
    pending: [],
  };

  it("notices what belongs to nobody", () => {
    const verdict = judge(
      {
        interfaces: new Map([["cali1", "gone"]]),
        routes: new Map([["10.0.0.1", "cali1"]]),
        held: new Map([["10.0.0.1", `${network}.gone`]]),
        handles: new Set([`${network}.gone`]),
        endpoints: new Set(["gone"]),
        pending: ["gone@eth0"],
      },
      [],
    );
    assert.deepEqual([verdict.leaks.length, verdict.orphans.length], [3, 3]);
  });

  it("notices what a container lacks, and an address that two have", () => {
    const result = { interfaces: [{ name: "cali1" }], ips: [{ address: "10.0.0.1/32" }] };
    const running = ["a", "b"].map((id) => ({
      sandbox: { id, namespace: namespaces[0] as Namespace, podName: null },
      result,
    }));
    const verdict = judge(empty, running);
    assert.deepEqual(verdict.duplicates, ["10.0.0.1"]);
    assert.equal(verdict.lacks.length, 8);
  });
});
