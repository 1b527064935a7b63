import assert from "node:assert/strict";
import { apiVersion, type WorkloadEndpoint } from "@brindle/api";
import type { PolicyUpdate } from "@brindle/policy";
import { describe, it } from "vitest";
import { ToldPolicies } from "./toldPolicies.ts";

const endpoint = (name: string): WorkloadEndpoint => ({
  apiVersion,
  kind: "WorkloadEndpoint",
  metadata: { name, namespace: "shop" },
  spec: { orchestrator: "k8s", node: "node1", endpoint: "eth0" },
});
const key = (kind: PolicyUpdate["key"]["kind"], name: string): PolicyUpdate["key"] => ({
  kind,
  name,
  namespace: "shop",
});
const policy = (name: string, order: number): PolicyUpdate => ({
  key: key("NetworkPolicy", name),
  value: { apiVersion, kind: "NetworkPolicy", metadata: { name, namespace: "shop" }, spec: { order } },
});
const gone = (kind: PolicyUpdate["key"]["kind"], name: string): PolicyUpdate => ({ key: key(kind, name), value: null });
const unreadable = (kind: PolicyUpdate["key"]["kind"], name: string): PolicyUpdate => ({
  ...gone(kind, name),
  unreadable: { reason: "is no JSON" },
});
const told = (...updates: PolicyUpdate[]): PolicyUpdate[] => {
  const policies = new ToldPolicies();
  for (const update of updates) policies.receive(update);
  return [...policies.all([])];
};

describe("what policy was told", () => {
  const rows: { readonly says: string; readonly told: PolicyUpdate[]; readonly held: PolicyUpdate[] }[] = [
    {
      says: "is held as it was told last",
      told: [policy("a", 1), policy("b", 1), policy("a", 2)],
      held: [policy("a", 2), policy("b", 1)],
    },
    {
      says: "is forgotten when it goes",
      told: [policy("a", 1), policy("b", 1), gone("NetworkPolicy", "a")],
      held: [policy("b", 1)],
    },
    {
      says: "may have gone before it came",
      told: [gone("NetworkPolicy", "a"), policy("a", 1)],
      held: [policy("a", 1)],
    },
    {
      says: "is held where it cannot be read: it closes",
      told: [policy("a", 1), unreadable("NetworkPolicy", "a")],
      held: [unreadable("NetworkPolicy", "a")],
    },
    {
      says: "is not held of endpoints, which are held elsewhere",
      told: [{ key: key("WorkloadEndpoint", "a"), value: endpoint("a") }],
      held: [],
    },
    {
      says: "is held of an endpoint that cannot be read, which nobody else holds",
      told: [unreadable("WorkloadEndpoint", "a")],
      held: [unreadable("WorkloadEndpoint", "a")],
    },
    {
      says: "is not held of that any more once it can",
      told: [unreadable("WorkloadEndpoint", "a"), { key: key("WorkloadEndpoint", "a"), value: endpoint("a") }],
      held: [],
    },
    {
      says: "is told apart by kind",
      told: [policy("a", 1), gone("Tier", "a"), unreadable("NetworkSet", "a")],
      held: [policy("a", 1), unreadable("NetworkSet", "a")],
    },
  ];
  it.each(rows)("$says", ({ told: updates, held }) => {
    assert.deepEqual(told(...updates), held);
  });

  it("comes with the endpoints of others, each under its key", () => {
    const policies = new ToldPolicies();
    policies.receive(policy("a", 1));
    const all = [...policies.all([endpoint("web")])];
    assert.deepEqual(all, [policy("a", 1), { key: key("WorkloadEndpoint", "web"), value: endpoint("web") }]);
  });

  it("is of the moment when its turn comes", () => {
    const policies = new ToldPolicies();
    policies.receive(policy("a", 1));
    policies.receive(policy("b", 1));
    const reading = policies.all([])[Symbol.iterator]();
    assert.deepEqual(reading.next().value, policy("a", 1));
    policies.receive(policy("b", 2));
    assert.deepEqual(reading.next().value, policy("b", 2));
  });
});
