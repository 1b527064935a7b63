import assert from "node:assert/strict";
import { inspect } from "node:util";
import { apiVersion, type WorkloadEndpoint } from "@brindle/api";
import { KernelError, type SavedChain } from "@brindle/net";
import type { Tables } from "@brindle/net/shell";
import { describe, it, vi } from "vitest";
import { PolicySync, type PolicySyncPorts } from "./policySync.ts";

/** A packet filter of one family that refuses commits as often, or which, as the test says. */
class FakeKernel {
  commits = 0;
  refuses: (text: string) => boolean = () => false;
  readonly tables: Tables[] = [
    {
      family: 4,
      backend: "nft",
      save: async (table) => ({ table, chains: new Map<string, SavedChain>() }),
      commit: async (transactions) => {
        this.commits += 1;
        if (this.refuses(inspect(transactions, { depth: null })))
          throw new KernelError({ code: "TIMEOUT", object: "commit", timeoutMs: 1 });
      },
    },
  ];
  readonly sets = {
    list: async () => [],
    create: async () => {},
    add: async () => {},
    delete: async () => {},
    flush: async () => {},
    destroy: async () => {},
  };

  close(): void {}
}

function started(): { kernel: FakeKernel; policy: PolicySync; health: (string | null)[] } {
  const kernel = new FakeKernel();
  const health: (string | null)[] = [];
  const ports: PolicySyncPorts = { kernel, onHealth: (problem) => health.push(problem) };
  return { kernel, policy: new PolicySync({ node: "node1" }, ports), health };
}

function tell(policy: PolicySync, name: string, isThere = true): void {
  const metadata = { name, namespace: "default" };
  const value: WorkloadEndpoint = {
    apiVersion,
    kind: "WorkloadEndpoint",
    metadata,
    spec: {
      orchestrator: "k8s",
      node: "node1",
      endpoint: "eth0",
      interfaceName: `cali${name}`,
      ipNetworks: ["10.0.0.1/32"],
    },
  };
  policy.receive({ key: { kind: "WorkloadEndpoint", ...metadata }, value: isThere ? value : null });
  policy.changed();
}

describe("policy on this node", () => {
  it("is well again after a repair that failed at first", async () => {
    const { kernel, policy, health } = started();
    tell(policy, "a");
    await vi.waitFor(() => assert.deepEqual(health, [null]));
    let left = 1;
    kernel.refuses = () => left-- > 0;
    await policy.resync();
    assert.equal(typeof health[1], "string");
    assert.equal(health.at(-1), null);
    await policy.end();
  });

  it("is mended by a change, though what stood before can never be in force", async () => {
    const { kernel, policy, health } = started();
    kernel.refuses = (text) => text.includes("calibad");
    tell(policy, "bad");
    await vi.waitFor(() => assert.equal(typeof health.at(-1), "string"));
    tell(policy, "bad", false);
    await vi.waitFor(() => assert.equal(health.at(-1), null));
    await policy.end();
  });

  it("is not said to be in force before anything was received", async () => {
    const { kernel, policy, health } = started();
    await policy.resync();
    assert.deepEqual(health, []);
    assert.equal(kernel.commits, 0);
    await policy.end();
  });

  it("ends without a word while the kernel refuses", async () => {
    const { kernel, policy, health } = started();
    kernel.refuses = () => true;
    tell(policy, "a");
    await vi.waitFor(() => assert.equal(health.length, 1));
    await policy.end();
    const { commits } = kernel;
    assert.equal(health.length, 1);
    tell(policy, "b");
    await policy.resync();
    assert.deepEqual([kernel.commits, health.length], [commits, 1]);
  });
});
