/** What a person is told who writes, on Kubernetes, what Kubernetes itself makes. */
import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { formatProblem } from "../kinds/problem.ts";
import { MemoryStore } from "../store/memoryStore.ts";
import type { Store, Write } from "../store/store.ts";
import type { Outcome } from "./outcome.ts";
import { ResourceClient } from "./resourceClient.ts";

const apiVersion = "projectcalico.org/v3";
const node = { apiVersion, kind: "Node", metadata: { name: "node1" }, spec: {} } as const;
const profile = { apiVersion, kind: "Profile", metadata: { name: "kns.prod" }, spec: {} } as const;
const endpoint = {
  apiVersion,
  kind: "WorkloadEndpoint",
  metadata: { name: "node1-k8s-web-eth0", namespace: "prod" },
  spec: { orchestrator: "k8s", node: "node1", pod: "web", endpoint: "eth0" },
} as const;
const policy = (name: string) => ({
  apiVersion,
  kind: "NetworkPolicy",
  metadata: { name, namespace: "prod" },
  spec: {},
});

function told(outcome: Outcome): string {
  if (outcome.kind === "refused") return `refused: ${outcome.problems.map(formatProblem).join("; ")}`;
  return outcome.kind;
}

function clientOf(store: Store): ResourceClient {
  return new ResourceClient({ store, nowMs: () => 0, newUid: () => "uid" });
}

describe("on Kubernetes a person is refused", () => {
  const rows: { name: string; there?: Write; ask: (client: ResourceClient) => Promise<Outcome>; says: RegExp }[] = [
    { name: "to make a node", ask: (client) => client.apply(node), says: /its kubelet makes the Node/ },
    {
      name: "to delete one",
      there: { op: "create", key: { kind: "Node", name: "node1" }, value: node },
      ask: (client) => client.delete({ kind: "Node", name: "node1" }),
      says: /kubectl delete node/,
    },
    { name: "to make a profile", ask: (client) => client.create(profile), says: /of a Namespace or a ServiceAccount/ },
    { name: "to make an endpoint", ask: (client) => client.apply(endpoint), says: /is made of a Pod/ },
    {
      name: "to write a policy of Kubernetes' own under the name that it has here",
      ask: (client) => client.apply(policy("knp.default.web")),
      says: /write that one, with kubectl/,
    },
  ];
  for (const { name, there, ask, says } of rows) {
    it(`${name}, and nothing is written`, async () => {
      const store = new MemoryStore({ transactions: "single" });
      if (there) await store.commit([there]);
      const { revision } = store.data;
      assert.match(told(await ask(clientOf(store))), says);
      assert.equal(store.data.revision, revision);
    });
  }

  it("nothing of what is Calico's own, and a node may be changed", async () => {
    const store = new MemoryStore({ transactions: "single" });
    await store.commit([{ op: "create", key: { kind: "Node", name: "node1" }, value: node }]);
    assert.equal(told(await clientOf(store).apply(policy("web"))), "created");
    assert.equal(told(await clientOf(store).apply({ ...node, spec: { bgp: { asNumber: 65_001 } } })), "updated");
  });
});

describe("a pool on a datastore that writes one object at a time", () => {
  it("goes after its blocks, these before what claims them, whatever comes between", async () => {
    for (let stop = 0; stop <= 4; stop++) {
      const store = new MemoryStore({ transactions: "single" });
      await fill(store);
      const written: string[] = [];
      const stopping: Store = Object.assign(Object.create(store) as Store, {
        get: store.get.bind(store),
        list: store.list.bind(store),
        commit: async (writes: readonly Write[]) => {
          if (written.length === stop) throw new Error("stopped");
          written.push(writes.map(({ op, key }) => `${op} ${key.kind}`).join());
          return store.commit(writes);
        },
      });
      const steps = ["update IPPool", "delete IPAMBlock", "delete BlockAffinity", "delete IPPool"];
      await clientOf(stopping)
        .delete({ kind: "IPPool", name: "a" })
        .catch(() => {});
      assert.deepEqual(written, steps.slice(0, stop));
      const again = told(await clientOf(store).delete({ kind: "IPPool", name: "a" }));
      assert.equal(again, stop === steps.length ? "notFound" : "deleted");
      for (const kind of ["IPPool", "IPAMBlock", "BlockAffinity"] as const)
        assert.deepEqual((await store.list(kind)).items, []);
    }
  });
});

async function fill(store: Store): Promise<void> {
  const spec = { cidr: "10.0.0.0/24", blockSize: 30 };
  const cidr = "10.0.0.0/30";
  const value = {
    cidr,
    affinity: "host:node1",
    allocations: [null, null, null, null],
    unallocated: [0, 1, 2, 3],
    attributes: [],
    sequenceNumber: 1n,
    sequenceNumberForAllocation: {},
    deleted: false,
  };
  const writes: Write[] = [
    {
      op: "create",
      key: { kind: "IPPool", name: "a" },
      value: { apiVersion, kind: "IPPool", metadata: { name: "a" }, spec },
    },
    { op: "create", key: { kind: "IPAMBlock", name: cidr }, value },
    {
      op: "create",
      key: { kind: "BlockAffinity", name: `host:node1/${cidr}` },
      value: { state: "confirmed", deleted: false },
    },
  ];
  for (const write of writes) await store.commit([write]);
}
