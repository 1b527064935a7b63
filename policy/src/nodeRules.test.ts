import assert from "node:assert/strict";
import { nodesActionAnnotation, nodesAnnotation, nowhere, type Rule } from "@brindle/api";
import { describe, it } from "vitest";
import { describeRule } from "./describeRule.ts";
import { asksForNodes, type NodeFacts, nodeFacts, readableNodeFacts, withNodes } from "./nodeRules.ts";
import { addressSample, globalPolicySample } from "./sampleCluster.ts";

const node = (role: string, ...addresses: string[]): NodeFacts => ({
  labels: { role },
  addresses: addresses.map(addressSample),
});
const nodes = [node("worker", "10.9.0.2", "fd09::2"), node("worker", "10.9.0.1"), node("master", "10.9.0.9")];

/** As a ClusterNetworkPolicy is converted: closed for who does not know nodes. */
const ofNodes = (rule: Rule, selector: string, more: Readonly<Record<string, string>> = {}): Rule => ({
  ...rule,
  metadata: { annotations: { name: "n", [nodesAnnotation]: selector, ...more } },
});
const expanded = (of: readonly NodeFacts[], ...egress: Rule[]): readonly Rule[] =>
  withNodes(globalPolicySample("kcnp.kube-admin.guard", { egress }), of).spec.egress ?? [];
const brief = (rules: readonly Rule[]) => rules.map(({ action, destination }) => [action, destination]);

describe("a rule about nodes", () => {
  const accept = ofNodes(
    { action: "Allow", protocol: "TCP", destination: { nets: [nowhere], ports: [6443] } },
    "role == 'worker'",
  );

  it("is about their addresses, each family by itself", () => {
    assert.deepEqual(brief(expanded(nodes, accept)), [
      ["Allow", { nets: ["10.9.0.1/32", "10.9.0.2/32"], ports: [6443] }],
      ["Allow", { nets: ["fd09::2/128"], ports: [6443] }],
    ]);
    assert.deepEqual(brief(expanded(nodes.toReversed(), accept)), brief(expanded(nodes, accept)));
  });

  it("keeps its place among others", () => {
    const rules = expanded(nodes, { action: "Deny" }, accept, { action: "Pass" });
    assert.deepEqual(
      rules.map(({ action }) => action),
      ["Deny", "Allow", "Allow", "Pass"],
    );
  });

  it("that denies or passes on does that to them alone", () => {
    const deny = ofNodes({ action: "Deny" }, "role == 'master'");
    const pass = ofNodes({ action: "Deny" }, "role == 'master'", { [nodesActionAnnotation]: "Pass" });
    const nets = { nets: ["10.9.0.9/32"] };
    assert.deepEqual(brief(expanded(nodes, deny, pass)), [
      ["Deny", nets],
      ["Pass", nets],
    ]);
  });

  it("is none where there are no such nodes", () => {
    assert.deepEqual(expanded(nodes, ofNodes({ action: "Deny" }, "role == 'gone'")), []);
    assert.deepEqual(expanded([], accept), []);
  });

  it("stays closed where its selector cannot be read", () => {
    const unread = ofNodes({ action: "Deny" }, "role ==");
    assert.deepEqual(expanded(nodes, unread), [unread]);
  });

  it("is described by the nodes, and is the same when nodes are put in once more", () => {
    const policy = withNodes(globalPolicySample("guard", { egress: [accept] }), nodes);
    assert.deepEqual((policy.spec.egress ?? []).map(describeRule), [
      "Allow tcp to nodes with role == 'worker' (IPv4) and port 6443",
      "Allow tcp to nodes with role == 'worker' (IPv6) and port 6443",
    ]);
    assert.equal(asksForNodes(policy), false);
    assert.equal(withNodes(policy, []), policy);
  });
});

describe("a node", () => {
  it("is found by its labels, at all its addresses", () => {
    const facts = nodeFacts({
      apiVersion: "projectcalico.org/v3",
      kind: "Node",
      metadata: { name: "node1", labels: { role: "worker" } },
      spec: { bgp: { ipv4Address: "10.9.0.1/24" }, addresses: [{ address: "192.0.2.1" }, { address: "10.9.0.1/24" }] },
    });
    assert.deepEqual(facts, {
      labels: { role: "worker" },
      addresses: ["10.9.0.1", "192.0.2.1", "10.9.0.1"].map(addressSample),
    });
  });

  it("is found by its tunnels, where it is one of Calico's", () => {
    const tunnels = {
      bgp: { ipv4IPIPTunnelAddr: "10.244.1.1" },
      ...{ ipv4VXLANTunnelAddr: "10.244.1.2", ipv6VXLANTunnelAddr: "fd00:244::2" },
      wireguard: { interfaceIPv4Address: "10.244.1.3", interfaceIPv6Address: "fd00:244::3" },
    };
    const { addresses } = nodeFacts({
      apiVersion: "projectcalico.org/v3",
      kind: "Node",
      metadata: { name: "node1" },
      spec: tunnels,
    });
    assert.deepEqual(
      addresses,
      ["10.244.1.1", "10.244.1.2", "fd00:244::2", "10.244.1.3", "fd00:244::3"].map(addressSample),
    );
  });

  it("that cannot be read is found by what can, and by what was known", () => {
    const known = node("worker", "10.9.0.1");
    assert.deepEqual(readableNodeFacts(undefined, known), known);
    assert.deepEqual(readableNodeFacts(7, null), { labels: {}, addresses: [] });
    const torn = {
      metadata: { labels: { role: "master", 7: 7 } },
      spec: { bgp: { ipv4Address: 7, ipv6Address: "fd09::2" }, addresses: [null, { address: "10.9.0" }], wireguard: 7 },
    };
    assert.deepEqual(readableNodeFacts(torn, known), node("master", "fd09::2", "10.9.0.1"));
    assert.deepEqual(readableNodeFacts(torn, node("master", "fd09::2")), node("master", "fd09::2"));
  });
});
