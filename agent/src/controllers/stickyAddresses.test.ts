import assert from "node:assert/strict";
import type { ApiObject, IPPool, IPReservation, Item } from "@brindle/api";
import { keptKey, keptReservation } from "@brindle/ipam";
import { parseAddress } from "@brindle/net";
import { describe, it } from "vitest";
import { planSticky, readStickyPod, readStickySet, type StickyFacts } from "./stickyAddresses.ts";

const pools: IPPool[] = [
  { apiVersion: "projectcalico.org/v3", kind: "IPPool", metadata: { name: "pods" }, spec: { cidr: "10.1.0.0/16" } },
];
const name = keptKey({ namespace: "shop", pod: "db-0" }).name;

function kept(...texts: string[]): Item<"IPReservation"> {
  const addresses = texts.flatMap((text) => parseAddress(text) ?? []);
  const value = keptReservation({ namespace: "shop", pod: "db-0" }, { set: "db", addresses });
  return { key: { kind: "IPReservation", name }, value, revision: "7" };
}

function db(...addresses: string[]): StickyFacts["pods"] {
  return new Map([["shop/db-0", { namespace: "shop", name: "db-0", set: "db", addresses }]]);
}

const operators: IPReservation = {
  apiVersion: "projectcalico.org/v3",
  kind: "IPReservation",
  metadata: { name: "gateways" },
  spec: { reservedCIDRs: ["10.1.0.0/30"] },
};
const sets = new Set(["shop/db"]);
const none = { sets: new Set<string>(), pods: new Map(), reservations: [], pools };

const cases: { name: string; facts: Partial<StickyFacts>; writes: string[] }[] = [
  { name: "keeps the address that a pod has", facts: { sets, pods: db("10.1.0.9") }, writes: ["create 10.1.0.9/32"] },
  {
    name: "keeps those of both families, and none of another network",
    facts: {
      ...{ sets, pods: db("10.1.0.9", "192.0.2.1", "fd00::9") },
      pools: [...pools, { ...(pools[0] as IPPool), spec: { cidr: "fd00::/64" } }],
    },
    writes: ["create 10.1.0.9/32,fd00::9/128"],
  },
  { name: "waits for a pod that has none yet", facts: { sets, pods: db() }, writes: [] },
  {
    name: "does nothing where all is so",
    facts: { sets, pods: db("10.1.0.9"), reservations: [kept("10.1.0.9")] },
    writes: [],
  },
  {
    name: "keeps it while the pod is between two lives",
    facts: { sets, reservations: [kept("10.1.0.9")] },
    writes: [],
  },
  {
    name: "keeps the other address that a pod has by now",
    facts: { sets, pods: db("10.1.0.10"), reservations: [kept("10.1.0.9")] },
    writes: ["update 10.1.0.10/32"],
  },
  {
    name: "lets go what is kept for a set that is gone",
    facts: { reservations: [kept("10.1.0.9")] },
    writes: ["delete"],
  },
  { name: "leaves alone what no set asks for", facts: { pods: db("10.1.0.9") }, writes: [] },
  {
    name: "leaves alone what an operator reserved",
    facts: { reservations: [{ key: { kind: "IPReservation", name: "gateways" }, value: operators, revision: "1" }] },
    writes: [],
  },
];

describe("the plan of kept addresses", () => {
  for (const { name, facts, writes } of cases)
    it(name, () => {
      const told = planSticky({ ...none, ...facts }).map((write) => {
        const { reservedCIDRs = [] } = "value" in write ? (write.value as IPReservation).spec : {};
        return [write.op, reservedCIDRs.join()].filter(Boolean).join(" ");
      });
      assert.deepEqual(told, writes);
    });
});

describe("objects of Kubernetes that ask for it", () => {
  const template = (annotations: object) => ({ spec: { template: { metadata: { annotations } } } });
  const set = (more: object): ApiObject => ({ metadata: { namespace: "shop", name: "db" }, ...more });
  it("are StatefulSets with the annotation in their template", () => {
    assert.equal(readStickySet(set(template({ "brindle.network/sticky-addresses": "true" }))), "shop/db");
    assert.equal(readStickySet(set(template({ "brindle.network/sticky-addresses": "no" }))), null);
    assert.equal(readStickySet(set({ spec: {} })), null);
  });

  const owner = { kind: "StatefulSet", name: "db", controller: true };
  const pod = (more: object, owners: object[] = [owner]): ApiObject => ({
    metadata: { namespace: "shop", name: "db-0", ownerReferences: owners },
    status: { podIPs: [{ ip: "10.1.0.9" }] },
    ...more,
  });
  it("have pods of their own, with addresses as the kubelet tells them", () => {
    const read = { namespace: "shop", name: "db-0", set: "db", addresses: ["10.1.0.9"] };
    assert.deepEqual(readStickyPod(pod({})), read);
    assert.deepEqual(readStickyPod(pod({ status: {} })), { ...read, addresses: [] });
    assert.deepEqual(readStickyPod(pod({ status: { phase: "Failed", podIPs: [{ ip: "10.1.0.9" }] } })), {
      ...read,
      addresses: [],
    });
  });
  it("have no pods of others, or in the network of a node", () => {
    assert.equal(readStickyPod(pod({}, [])), null);
    assert.equal(readStickyPod(pod({}, [{ ...owner, kind: "ReplicaSet" }])), null);
    assert.equal(readStickyPod(pod({ spec: { hostNetwork: true } })), null);
  });
});
