import assert from "node:assert/strict";
import { apiVersion, type GlobalNetworkPolicy, type Node, nodesAnnotation } from "@brindle/api";
import type { PolicyUpdate } from "@brindle/policy";
import { describe, it } from "vitest";
import { NodePeers } from "./nodePeers.ts";

const node = (name: string, address: string, labels = {}): Node => ({
  apiVersion,
  kind: "Node",
  metadata: { name, labels },
  spec: { addresses: [{ address }] },
});

function update(name: string, selector: string | null): PolicyUpdate {
  const annotations: Record<string, string> = selector === null ? {} : { [nodesAnnotation]: selector };
  const value: GlobalNetworkPolicy = {
    apiVersion,
    kind: "GlobalNetworkPolicy",
    metadata: { name },
    spec: { egress: [{ action: "Deny", metadata: { annotations } }] },
  };
  return { key: { kind: "GlobalNetworkPolicy", name }, value };
}

const netsOf = ({ value }: PolicyUpdate) =>
  value?.kind === "GlobalNetworkPolicy"
    ? (value.spec.egress ?? []).flatMap(({ destination }) => destination?.nets ?? [])
    : null;

describe("policies about nodes", () => {
  it("are told with the nodes' addresses, and anew when these are others", () => {
    const peers = new NodePeers();
    peers.onNode("n1", node("n1", "10.9.0.1", { role: "a" }));
    assert.deepEqual(netsOf(peers.receive(update("guard", "role == 'a'"))), ["10.9.0.1/32"]);
    assert.deepEqual(peers.changes(), []);
    peers.onNode("n2", node("n2", "10.9.0.2", { role: "a" }));
    assert.deepEqual(peers.changes().map(netsOf), [["10.9.0.1/32", "10.9.0.2/32"]]);
    assert.deepEqual(peers.changes(), []);
    peers.onNode("n3", node("n3", "10.9.0.3", { role: "b" }));
    assert.deepEqual(peers.changes(), []);
    peers.onNode("n1", node("n1", "10.9.0.1", { role: "b" }));
    assert.deepEqual(peers.changes().map(netsOf), [["10.9.0.2/32"]]);
    peers.onNode("n2", null);
    assert.deepEqual(peers.changes().map(netsOf), [[]]);
  });

  it("are told as they are where they say nothing of nodes, and no more once they are gone", () => {
    const peers = new NodePeers();
    const plain = update("plain", null);
    assert.equal(peers.receive(plain), plain);
    peers.receive(update("guard", "all()"));
    peers.receive(update("other", "all()"));
    peers.receive({ key: { kind: "GlobalNetworkPolicy", name: "guard" }, value: null });
    peers.receive(update("other", null));
    peers.onNode("n1", node("n1", "10.9.0.1"));
    assert.deepEqual(peers.changes(), []);
  });

  it("mean a node that cannot be read by what can, and by what was known of it", () => {
    const peers = new NodePeers();
    peers.onNode("n1", node("n1", "10.9.0.1", { role: "a" }));
    peers.receive(update("guard", "role == 'a'"));
    peers.onNode("n1", null, {});
    assert.deepEqual(peers.changes(), []);
    const spec = { bgp: { ipv4Address: "nonsense" }, addresses: [{ address: "10.9.0.4" }, 7] };
    peers.onNode("n4", null, { partial: { metadata: { labels: { role: "a", torn: 7 } }, spec } });
    assert.deepEqual(peers.changes().map(netsOf), [["10.9.0.1/32", "10.9.0.4/32"]]);
    peers.onNode("n1", null);
    assert.deepEqual(peers.changes().map(netsOf), [["10.9.0.4/32"]]);
  });
});
