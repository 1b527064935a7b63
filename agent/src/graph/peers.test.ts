import assert from "node:assert/strict";
import {
  type BGPConfiguration,
  type BGPPeer,
  type BGPPeerSpec,
  brindleApiVersion,
  type FabricPeer,
  type FabricPeerSpec,
  type Node,
} from "@brindle/api";
import { type Address, parseAddress } from "@brindle/net";
import { describe, it } from "vitest";
import { placeKey } from "./neighbour.ts";
import { type Gateways, neighbours, nodeSpeaker } from "./peers.ts";

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
  return [name, { apiVersion, kind: "Node", metadata: { name, labels: { rack, as: "1.4" } }, spec: { bgp } }];
}

function peer(name: string, spec: BGPPeerSpec): [string, BGPPeer] {
  return [name, { apiVersion, kind: "BGPPeer", metadata: { name }, spec }];
}

function fabric(name: string, spec: FabricPeerSpec): [string, FabricPeer] {
  return [name, { apiVersion: brindleApiVersion, kind: "FabricPeer", metadata: { name }, spec }];
}

function configuration(name: string, spec: BGPConfiguration["spec"]): [string, BGPConfiguration] {
  return [name, { apiVersion, kind: "BGPConfiguration", metadata: { name }, spec }];
}

interface Case {
  readonly name: string;
  readonly nodes?: readonly [string, Node][];
  readonly peers?: readonly [string, BGPPeer][];
  readonly fabricPeers?: readonly [string, FabricPeer][];
  readonly gateways?: Gateways;
  readonly configurations?: readonly [string, BGPConfiguration][];
  /** `name address:port AS`, of what node1 peers with. */
  readonly expected: readonly string[];
}

function address(text: string): Address {
  return parseAddress(text) ?? assert.fail(text);
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
    name: "nodes that are selected do not peer back where that is somebody else's to say",
    configurations: [noMesh],
    peers: [peer("by-rack", { nodeSelector: "rack == 'b'", peerSelector: "rack == 'a'", reversePeering: "Manual" })],
    expected: [],
  },
  {
    name: "a node that presents itself as another AS is known as that by who peers back",
    nodes: [node("node1", 11), node("node2", 12, { rack: "b" })],
    peers: [peer("as", { nodeSelector: "rack == 'b'", peerSelector: "rack == 'a'", localASNumber: 65_100 })],
    expected: ["peer/as/node2 172.30.1.12:179 65100"],
  },
  {
    name: "a router may be known by its interface, its range, or as the gateway",
    configurations: [noMesh],
    gateways: { 4: { address: address("172.30.1.254"), interface: "eth0" } },
    fabricPeers: [
      fabric("a", { interface: "eth1", peerType: "External" }),
      fabric("b", { range: "172.30.0.0/16", asNumber: 65_001 }),
      fabric("c", { defaultGateway: "IPv4", peerType: "Internal" }),
      fabric("d", { defaultGateway: "IPv6", asNumber: 65_001 }),
    ],
    expected: [
      "fabric/a interface eth1 0",
      "fabric/b range 172.30.0.0/16 65001",
      "fabric/c 172.30.1.254:179 64512",
      "fabric/d :::179 65001: the node has no default route of IPv6 by way of a gateway",
    ],
  },
  {
    name: "the AS may stand in a label of the node, and is asked for where it does not",
    nodes: [node("node1", 11)],
    fabricPeers: [
      fabric("rack", { peerIP: "172.30.1.1", asNumberFromNodeLabel: "as" }),
      fabric("torn", { peerIP: "172.30.1.2", asNumberFromNodeLabel: "rack" }),
      fabric("none", { peerIP: "172.30.1.3", asNumber: 1, localASNumberFromNodeLabel: "absent" }),
    ],
    expected: [
      "fabric/none 172.30.1.3:179 1: node node1 has no label absent",
      "fabric/rack 172.30.1.1:179 65540",
      "fabric/torn 172.30.1.2:179 0: node node1 has a label rack that is no AS number: a",
    ],
  },
  {
    name: "a FabricPeer takes the place of a BGPPeer at the same address, whatever they are called",
    configurations: [noMesh],
    peers: [peer("a", { peerIP: "172.30.1.1", asNumber: 65_001 })],
    fabricPeers: [fabric("z", { peerIP: "172.30.1.1", asNumber: 65_002 })],
    expected: ["fabric/z 172.30.1.1:179 65002"],
  },
  {
    name: "what a session cannot have on this node keeps it from being",
    nodes: [["node1", { ...three[0]?.[1], spec: { bgp: { ipv4Address: "172.30.1.11/24" } } } as Node]],
    fabricPeers: [
      fabric("inside", { peerIP: "172.30.1.1", asNumber: 64_512, role: "Customer" }),
      fabric("six", { peerIP: "172.30.1.2", asNumber: 65_001, families: ["IPv6"] }),
      fabric("far", { peerIP: "fd00::1", asNumber: 65_001 }),
    ],
    expected: [
      "fabric/inside 172.30.1.1:179 64512: its role is for a session between two AS, and both ends are of AS 64512",
      "fabric/six 172.30.1.2:179 65001: its session is to carry IPv6, and the node has no such address",
    ],
  },
  {
    name: "an explicit peer takes the place of the mesh",
    nodes: [node("node1", 11), node("node2", 12)],
    peers: [peer("direct", { node: "node1", peerIP: "172.30.1.12", asNumber: 64_512 })],
    expected: ["peer/direct 172.30.1.12:179 64512"],
  },
];

describe("the peers of node1", () => {
  for (const {
    name,
    nodes = three,
    peers = [],
    fabricPeers = [],
    gateways = {},
    configurations = [],
    expected,
  } of cases) {
    it(`: ${name}`, () => {
      const state = {
        nodes: new Map(nodes),
        peers: new Map(peers),
        fabricPeers: new Map(fabricPeers),
        configurations: new Map(configurations),
        gateways,
      };
      const own = state.nodes.get("node1");
      assert(own);
      const found = neighbours(nodeSpeaker("node1", own, state.configurations), state);
      assert.deepEqual(
        found.map(({ name: called, place, asn, lacks }) => {
          const port = place.kind === "address" ? `:${place.port}` : "";
          return [`${called} ${placeKey(place)}${port} ${asn}`, ...(lacks ? [lacks] : [])].join(": ");
        }),
        expected,
      );
    });
  }
});
