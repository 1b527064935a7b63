import assert from "node:assert/strict";
import type { BGPConfiguration, BGPPeer, BGPPeerSpec, Node } from "@brindle/api";
import { formatAddress } from "@brindle/net";
import { describe, it } from "vitest";
import { neighbours, nodeSpeaker } from "./peers.ts";

const apiVersion = "projectcalico.org/v3";

function node(
  name: string,
  host: number,
  options: { rack?: string; asNumber?: number; v6Only?: boolean } = {},
): [string, Node] {
  const { rack = "a", asNumber, v6Only = false } = options;
  const bgp = {
    ...(!v6Only && { ipv4Address: `172.30.1.${host}/24` }),
    ipv6Address: `fd00:30:1::${host}/64`,
    ...(asNumber !== undefined && { asNumber }),
  };
  return [name, { apiVersion, kind: "Node", metadata: { name, labels: { rack } }, spec: { bgp } }];
}

function peer(name: string, spec: BGPPeerSpec): [string, BGPPeer] {
  return [name, { apiVersion, kind: "BGPPeer", metadata: { name }, spec }];
}

function configuration(name: string, spec: BGPConfiguration["spec"]): [string, BGPConfiguration] {
  return [name, { apiVersion, kind: "BGPConfiguration", metadata: { name }, spec }];
}

interface Case {
  readonly name: string;
  readonly nodes?: readonly [string, Node][];
  readonly peers?: readonly [string, BGPPeer][];
  readonly configurations?: readonly [string, BGPConfiguration][];
  /** `name address:port AS`, of what node1 peers with. */
  readonly expected: readonly string[];
}

const three = [node("node1", 11), node("node2", 12), node("node3", 13, { rack: "b" })];
const noMesh = configuration("default", { nodeToNodeMeshEnabled: false });

const cases: readonly Case[] = [
  {
    name: "every other node is in the mesh",
    expected: ["mesh/node2 172.30.1.12:179 64512", "mesh/node3 172.30.1.13:179 64512"],
  },
  { name: "a mesh that is switched off has no sessions", configurations: [noMesh], expected: [] },
  {
    name: "the cluster's AS and port hold for nodes that name none, and a node's own come first",
    nodes: [node("node1", 11), node("node2", 12, { asNumber: 65_000 }), node("node3", 13)],
    configurations: [
      configuration("default", { asNumber: 64_999, listenPort: 1179 }),
      configuration("node.node3", { listenPort: 1180 }),
    ],
    expected: ["mesh/node2 172.30.1.12:1179 65000", "mesh/node3 172.30.1.13:1180 64999"],
  },
  {
    name: "a node without IPv4 is reached by IPv6",
    nodes: [node("node1", 11), node("node2", 12, { v6Only: true })],
    expected: ["mesh/node2 fd00:30:1::12:179 64512"],
  },
  {
    name: "a router is peered with by the nodes that its selector selects",
    configurations: [noMesh],
    peers: [
      peer("tor-a", { nodeSelector: "rack == 'a'", peerIP: "172.30.1.1", asNumber: 65_001 }),
      peer("tor-b", { nodeSelector: "rack == 'b'", peerIP: "172.30.2.1", asNumber: 65_002 }),
    ],
    expected: ["peer/tor-a 172.30.1.1:179 65001"],
  },
  {
    name: "a router may be named for one node, with a port",
    configurations: [noMesh],
    peers: [
      peer("one", { node: "node1", peerIP: "172.30.1.1:1790", asNumber: 65_001 }),
      peer("other", { node: "node2", peerIP: "172.30.1.2", asNumber: 65_001 }),
    ],
    expected: ["peer/one 172.30.1.1:1790 65001"],
  },
  {
    name: "a global peer that is this node is none of its own",
    configurations: [noMesh],
    peers: [peer("self", { peerIP: "172.30.1.11", asNumber: 64_512 })],
    expected: [],
  },
  {
    name: "nodes that are selected as peers are peered with, and peer back",
    configurations: [noMesh],
    peers: [peer("by-rack", { nodeSelector: "rack == 'b'", peerSelector: "rack == 'a'" })],
    expected: ["peer/by-rack/node3 172.30.1.13:179 64512"],
  },
  {
    name: "an explicit peer takes the place of the mesh",
    nodes: [node("node1", 11), node("node2", 12)],
    peers: [peer("direct", { node: "node1", peerIP: "172.30.1.12", asNumber: 64_512 })],
    expected: ["peer/direct 172.30.1.12:179 64512"],
  },
];

describe("the peers of node1", () => {
  for (const { name, nodes = three, peers = [], configurations = [], expected } of cases) {
    it(`: ${name}`, () => {
      const state = { nodes: new Map(nodes), peers: new Map(peers), configurations: new Map(configurations) };
      const own = state.nodes.get("node1");
      assert(own);
      const found = neighbours(nodeSpeaker("node1", own, state.configurations), state);
      assert.deepEqual(
        found.map((one) => `${one.name} ${formatAddress(one.address)}:${one.port} ${one.asn}`),
        expected,
      );
    });
  }
});
