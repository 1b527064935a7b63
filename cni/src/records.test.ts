/** What of blocks, handles and endpoints is an attachment's: over a datastore in memory. */
import assert from "node:assert/strict";
import { type BlockAttribute, type IPAMBlock, MemoryStore } from "@brindle/api";
import { formatAddress } from "@brindle/net";
import { describe, it } from "vitest";
import { attachmentKey, attachmentOf } from "./attachment.ts";
import { StoredRecords } from "./records.ts";

const pod = { namespace: "prod", pod: "web", node: "node1" };

/** Whose the addresses of the block are, from the first on. */
async function storeWith(attributes: readonly BlockAttribute[]): Promise<MemoryStore> {
  const store = new MemoryStore();
  const cidr = "10.65.0.0/29";
  const block: IPAMBlock = {
    cidr,
    affinity: "host:node1",
    allocations: Array.from({ length: 8 }, (_, ordinal) => (ordinal < attributes.length ? ordinal : null)),
    unallocated: [],
    attributes,
    sequenceNumber: 1n,
    deleted: false,
  };
  await store.commit([{ op: "create", key: { kind: "IPAMBlock", name: cidr }, value: block }]);
  for (const name of new Set(attributes.flatMap(({ handle_id }) => handle_id ?? []))) {
    const value = { block: { [cidr]: 1 }, deleted: false };
    await store.commit([{ op: "create", key: { kind: "IPAMHandle", name }, value }]);
  }
  return store;
}

function attachment(containerId: string, interfaceName = "eth0") {
  const args = { podNamespace: "prod", podName: "web" };
  return attachmentOf({ containerId, interfaceName, netns: null, args }, "pods");
}

describe("the records of an attachment", () => {
  it("are the addresses of its handle, without those that rest before they are given again", async () => {
    const store = await storeWith([
      { handle_id: "pods.c1", secondary: pod },
      { handle_id: "pods.c1", secondary: pod, releasedAt: "2026-01-01T00:00:00Z" },
      { handle_id: "pods.c1.net1", secondary: { ...pod, interface: "net1" } },
    ]);
    const records = new StoredRecords("node1", store);
    const held = async (...of: Parameters<typeof attachment>) =>
      (await records.of(attachment(...of))).addresses.map(formatAddress);
    assert.deepEqual(await held("c1"), ["10.65.0.0"]);
    assert.deepEqual(await held("c1", "net1"), ["10.65.0.2"]);
    assert.deepEqual(await records.of(attachment("c2")), { addresses: [], endpoint: null });
  });
});

describe("the attachments of a node and a network", () => {
  it("are those that hold addresses there, each once, with their interfaces", async () => {
    const store = await storeWith([
      { handle_id: "pods.c1", secondary: pod },
      { handle_id: "pods.c1.net1", secondary: { ...pod, interface: "net1" } },
      { handle_id: "pods.a.b", secondary: { node: "node1" } },
      { handle_id: "pods.c1", secondary: pod },
      { handle_id: "pods.c3", secondary: { ...pod, node: "node2" } },
      { handle_id: "others.c4", secondary: pod },
      { handle_id: "pods.c5", secondary: pod, releasedAt: "2026-01-01T00:00:00Z" },
      { handle_id: "vxlan-tunnel-addr-node1", secondary: { node: "node1", type: "vxlanTunnelAddress" } },
    ]);
    const found = await new StoredRecords("node1", store).attachments("pods");
    assert.deepEqual(found.map(attachmentKey).sort(), ["a.b@eth0", "c1@eth0", "c1@net1"]);
    const [first] = found;
    assert.deepEqual(first?.workload, { orchestrator: "k8s", namespace: "prod", pod: "web", podUid: null });
    assert.equal(first.hostInterface, attachment("c1").hostInterface);
  });
});
