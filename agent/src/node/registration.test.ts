import assert from "node:assert/strict";
import { type IPPool, type Node, validate } from "@brindle/api";
import { type Cidr, parseAddress, parseCidr } from "@brindle/net";
import { describe, it } from "vitest";
import { type AddressWish, type Candidate, chooseNodeAddress, ownInterfaces } from "./addresses.ts";
import { defaultPools, newClusterInformation, registeredNode, uniqueLocalPool } from "./registration.ts";

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  assert(parsed, text);
  return parsed;
}

const candidates: Candidate[] = [
  { cidr: cidr("127.0.0.1/8"), interfaceName: "lo" },
  { cidr: cidr("172.31.1.11/32"), interfaceName: "lo" },
  { cidr: cidr("169.254.7.7/16"), interfaceName: "eth9" },
  { cidr: cidr("172.17.0.1/16"), interfaceName: "docker0" },
  { cidr: cidr("172.30.1.11/24"), interfaceName: "eth0" },
  { cidr: cidr("172.28.0.11/24"), interfaceName: "mgmt0" },
];

const wishes: { name: string; wish: Partial<AddressWish>; chosen: string | null; kind?: string }[] = [
  { name: "the first on an interface of the node's own", wish: {}, chosen: "172.30.1.11/24" },
  {
    name: "the one that is asked for, on loopback too",
    wish: { asked: parseAddress("172.31.1.11") },
    chosen: "172.31.1.11/32",
  },
  {
    name: "the one that is registered already",
    wish: { registered: cidr("172.28.0.11/24") },
    chosen: "172.28.0.11/24",
  },
  {
    name: "another when the registered one is gone",
    wish: { registered: cidr("192.0.2.1/24") },
    chosen: "172.30.1.11/24",
  },
  {
    name: "none when the one that is asked for is on no interface",
    wish: { asked: parseAddress("192.0.2.1") },
    chosen: null,
    kind: "missing",
  },
  { name: "none of a family that the node lacks", wish: { family: 6 }, chosen: null, kind: "none" },
];

describe("a node's address is", () => {
  for (const { name, wish, chosen, kind = "chosen" } of wishes) {
    it(name, () => {
      const choice = chooseNodeAddress({ family: 4, asked: null, registered: null, ...wish }, candidates);
      assert.equal(choice.kind, kind);
      assert.deepEqual(choice.kind === "chosen" ? choice.cidr : null, chosen && cidr(chosen));
    });
  }
});

describe("what a node registers", () => {
  const addresses = { 4: cidr("172.30.1.11/24"), 6: cidr("fd00:30:1::11/64") };
  const interfaces = [{ name: "eth0", addresses: ["172.30.1.11", "fd00:30:1::11"] }];

  it("is valid, and keeps what others wrote", () => {
    const before: Node = {
      apiVersion: "projectcalico.org/v3",
      kind: "Node",
      metadata: { name: "node1", labels: { rack: "a" } },
      spec: {
        bgp: { asNumber: 65_000, ipv4Address: "192.0.2.9/24", ipv4IPIPTunnelAddr: "10.244.0.1" },
        // As Calico left it, whose node may be here again.
        ...{ ipv4VXLANTunnelAddr: "10.244.0.2", vxlanTunnelMACAddr: "66:00:00:00:00:01" },
        wireguard: { interfaceIPv4Address: "10.244.0.3" },
        addresses: [
          { address: "192.0.2.9/24", type: "CalicoNodeIP" },
          { address: "203.0.113.1", type: "ExternalIP" },
        ],
        interfaces: [{ name: "gone" }],
      },
    };
    const node = registeredNode(before, { name: "node1", addresses, interfaces });
    assert.deepEqual(node.spec.bgp, {
      asNumber: 65_000,
      ipv4IPIPTunnelAddr: "10.244.0.1",
      ipv4Address: "172.30.1.11/24",
      ipv6Address: "fd00:30:1::11/64",
    });
    const { ipv4VXLANTunnelAddr, vxlanTunnelMACAddr, wireguard } = before.spec;
    assert.partialDeepStrictEqual(node.spec, { ipv4VXLANTunnelAddr, vxlanTunnelMACAddr, wireguard });
    assert.deepEqual(node.metadata, before.metadata);
    assert.deepEqual(
      node.spec.addresses?.map(({ address }) => address),
      ["172.30.1.11/24", "fd00:30:1::11/64", "203.0.113.1"],
    );
    assert.deepEqual(node.spec.interfaces, interfaces);
    assert.equal(validate(node).kind, "valid");
    assert.deepEqual(registeredNode(node, { name: "node1", addresses, interfaces }), node);
    assert.equal(registeredNode(node, { name: "node1", addresses, interfaces: [] }).spec.interfaces, undefined);
    assert.equal(node.spec.orchRefs, undefined);
  });

  it("names the interfaces that are the node's own, by name, with addresses that others may know", () => {
    const candidates = [
      ["eth1", "fe80::1/64"],
      ["lo", "127.0.0.1/8"],
      ["eth0", "fd00:30:1::11/64"],
      ["eth0", "172.30.1.11/24"],
      ["eth0", "fe80::2/64"],
      ["docker0", "172.17.0.1/16"],
      ["cali123", "fe80::3/64"],
    ].map(([interfaceName = "", text = ""]) => ({ interfaceName, cidr: cidr(text) }));
    for (const order of [candidates, candidates.toReversed()]) {
      assert.deepEqual(ownInterfaces(order), interfaces);
    }
  });

  it("is what Kubernetes calls the node, once, beside what others call it", () => {
    const facts = { name: "node1", addresses, interfaces: [], kubernetesName: "node1" };
    const before: Node = {
      apiVersion: "projectcalico.org/v3",
      kind: "Node",
      metadata: { name: "node1" },
      spec: { orchRefs: [{ nodeName: "former", orchestrator: "k8s" }, { orchestrator: "other" }] },
    };
    const node = registeredNode(before, facts);
    assert.deepEqual(node.spec.orchRefs, [{ nodeName: "node1", orchestrator: "k8s" }, { orchestrator: "other" }]);
    assert.equal(validate(node).kind, "valid");
    assert.deepEqual(registeredNode(node, facts), node);
  });

  it("is a pool of each family that has none", () => {
    const v6 = uniqueLocalPool(Uint8Array.of(1, 2, 3, 4, 5));
    assert.equal(v6, "fd01:203:405::/48");
    const made = defaultPools([], { 4: "192.168.0.0/16", 6: v6 });
    assert.deepEqual(
      made.map(({ metadata }) => metadata.name),
      ["default-ipv4-ippool", "default-ipv6-ippool"],
    );
    for (const pool of made) assert.equal(validate(pool).kind, "valid");
    const present: IPPool = {
      apiVersion: "projectcalico.org/v3",
      kind: "IPPool",
      metadata: { name: "own" },
      spec: { cidr: "10.0.0.0/8" },
    };
    assert.deepEqual(defaultPools([present], { 4: "192.168.0.0/16", 6: v6 }), made.slice(1));
  });

  it("is a cluster with an identifier that is ready", () => {
    assert.equal(validate(newClusterInformation("0123456789abcdef0123456789abcdef")).kind, "valid");
  });
});
