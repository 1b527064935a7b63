import assert from "node:assert/strict";
import type { BGPPeer, Node } from "@brindle/api";
import { checkConfig } from "@brindle/bgp";
import { parsePrefix } from "@brindle/net";
import { describe, it } from "vitest";
import { refusedConfiguration, type SpeakerState, speakerConfig, undialledPeers } from "./speakerConfig.ts";

function node(name: string, bgp: NonNullable<Node["spec"]["bgp"]>): [string, Node] {
  return [name, { apiVersion: "projectcalico.org/v3", kind: "Node", metadata: { name }, spec: { bgp } }];
}

const dual = node("node1", { ipv4Address: "172.30.1.11/24", ipv6Address: "fd00:30:1::11/64" });
const inner = node("node2", { ipv4Address: "172.30.1.12/24" });
const outer = node("node3", { ipv4Address: "172.30.1.13/24", asNumber: 65_000 });

function state(...nodes: readonly [string, Node][]): SpeakerState {
  return {
    node: "node1",
    nodes: new Map(nodes),
    peers: new Map(),
    filters: new Map(),
    secrets: () => ({ kind: "absent" }),
    configurations: new Map(),
    ranges: [parsePrefix("10.244.0.0/16") ?? assert.fail(), parsePrefix("fd00:244::/48") ?? assert.fail()],
    originated: ["10.244.3.0/26"],
  };
}

const pods = [
  { prefix: "10.244.0.0/16", minLength: 16, maxLength: 32 },
  { prefix: "fd00:244::/48", minLength: 48, maxLength: 128 },
];

describe("passwords of a node's sessions", () => {
  const password = { secretKeyRef: { name: "bgp", key: "a" } };
  const tor: BGPPeer = {
    apiVersion: "projectcalico.org/v3",
    kind: "BGPPeer",
    metadata: { name: "tor" },
    spec: { peerIP: "172.30.1.1", asNumber: 65_001, password },
  };
  const mesh = new Map([
    [
      "default",
      {
        apiVersion: "projectcalico.org/v3",
        kind: "BGPConfiguration",
        metadata: { name: "default" },
        spec: { nodeMeshPassword: password },
      } as const,
    ],
  ]);
  const known: SpeakerState["secrets"] = () => ({ kind: "present", entries: new Map([["a", Buffer.from("pw")]]) });
  const passwords = (wanted: SpeakerState) =>
    (speakerConfig(wanted)?.peers ?? []).map((each) => [each.name, each.withheld?.reason ?? each.password]);

  it("go with the peers that ask for one", () => {
    const wanted = { ...state(dual, inner), peers: new Map([["tor", tor]]), secrets: known };
    assert.deepEqual(passwords(wanted), [
      ["peer/tor", "pw"],
      ["mesh/node2", undefined],
    ]);
    assert.deepEqual(undialledPeers(wanted), []);
  });

  it("go with all of the mesh", () => {
    assert.deepEqual(passwords({ ...state(dual, inner), configurations: mesh, secrets: known }), [
      ["mesh/node2", "pw"],
    ]);
  });

  it("that are missing keep those peers and no others from being spoken with, and say why", () => {
    const wanted = { ...state(dual, inner), peers: new Map([["tor", tor]]) };
    assert.deepEqual(passwords(wanted), [
      ["peer/tor", "there is no Secret bgp"],
      ["mesh/node2", undefined],
    ]);
    assert.deepEqual(undialledPeers(wanted), [
      { name: "peer/tor", reason: "there is no Secret bgp", isWaiting: false },
    ]);
  });

  it("that are missing leave a node no second way to the same address without one", () => {
    const toNode: BGPPeer = { ...tor, spec: { peerIP: "172.30.1.12", asNumber: 64_512, password } };
    const found = passwords({ ...state(dual, inner), peers: new Map([["node", toNode]]) });
    assert.deepEqual(found, [["peer/node", "there is no Secret bgp"]]);
  });
});

describe("a node's speaker", () => {
  it("uses equal routes side by side, as Calico does", () => {
    assert.deepEqual(speakerConfig(state(dual))?.multipath, { paths: 16, relaxAsPath: true });
  });

  for (const [keepaliveTime, seconds] of [
    ["10s", 10],
    ["2500ms", 2],
    ["10ms", 1],
    ["1000h", 21_845],
  ] as const) {
    it(`tells a peer every ${seconds} s that it lives where its keepaliveTime is ${keepaliveTime}`, () => {
      const tor: BGPPeer = {
        apiVersion: "projectcalico.org/v3",
        kind: "BGPPeer",
        metadata: { name: "tor" },
        spec: { peerIP: "172.30.1.1", asNumber: 65_001, keepaliveTime },
      };
      const config = speakerConfig({ ...state(dual), peers: new Map([["tor", tor]]) });
      assert.equal(config?.peers[0]?.keepaliveSeconds, seconds);
      if (config) checkConfig(config);
    });
  }

  it("listens on the node's addresses, says the node's name, and keeps forwarding through a restart", () => {
    const config = speakerConfig(state(dual));
    assert.deepEqual(config?.listen, [
      { address: "172.30.1.11", port: 179 },
      { address: "fd00:30:1::11", port: 179 },
    ]);
    assert.deepEqual(config?.identity, { hostName: "node1", software: "Brindle" });
    assert.deepEqual(config?.gracefulRestart, { restartSeconds: 120, forwardingKept: true });
  });

  const identifiers: { name: string; address: string; bgpId: string }[] = [
    { name: "the end of the IPv6 address", address: "fd00:30:1::c0a8:101/64", bgpId: "192.168.1.1" },
    { name: "no zero", address: "fd00:30:1:2::/64", bgpId: "0.0.0.1" },
  ];
  for (const { name, address, bgpId } of identifiers) {
    it(`is known on a node without IPv4 by ${name}`, () => {
      assert.equal(speakerConfig(state(node("node1", { ipv6Address: address })))?.bgpId, bgpId);
    });
  }

  it("is known by the IPv4 address where there is one", () => {
    assert.equal(speakerConfig(state(dual))?.bgpId, "172.30.1.11");
  });

  const silent: { name: string; nodes: [string, Node][] }[] = [
    { name: "the node is not registered", nodes: [inner] },
    { name: "the node has no address", nodes: [node("node1", {}), inner] },
  ];
  for (const { name, nodes } of silent) {
    it(`is none while ${name}`, () => assert.equal(speakerConfig(state(...nodes)), null));
  }

  it("tells everyone its own prefixes and nothing else", () => {
    const peers = speakerConfig(state(dual, inner, outer))?.peers ?? [];
    assert.equal(peers.length, 2);
    for (const { exportPolicy, nextHop, families } of peers) {
      assert.deepEqual(exportPolicy, { accept: [{ prefix: "10.244.3.0/26", minLength: 26, maxLength: 26 }] });
      assert.deepEqual(nextHop, { 4: "172.30.1.11", 6: "fd00:30:1::11" });
      assert.deepEqual(families, [4, 6]);
    }
  });

  const distances: { ttlSecurity: number; expected: number | undefined }[] = [
    { ttlSecurity: 1, expected: 1 },
    { ttlSecurity: 0, expected: undefined },
  ];
  for (const { ttlSecurity, expected } of distances) {
    it(`lets a router be ${expected ?? "any number of"} hops away, by ttlSecurity ${ttlSecurity}`, () => {
      const bgpPeer = (name: string, spec: BGPPeer["spec"]): [string, BGPPeer] => [
        name,
        { apiVersion: "projectcalico.org/v3", kind: "BGPPeer", metadata: { name }, spec: { ...spec, ttlSecurity } },
      ];
      const peers = new Map([
        bgpPeer("tor", { peerIP: "172.30.1.1", asNumber: 65_001 }),
        bgpPeer("nodes", { peerSelector: "all()" }),
      ]);
      const found = speakerConfig({ ...state(dual, inner), peers })?.peers ?? [];
      assert.deepEqual(
        found.map((one) => [one.name, one.ttlSecurity]),
        [
          ["peer/nodes/node2", expected],
          ["peer/tor", expected],
        ],
      );
    });
  }

  it("gives a session the filters and the next hops that its BGPPeer asks for", () => {
    const spec = { peerIP: "172.30.1.1", asNumber: 65_001, filters: ["in", "gone"], nextHopMode: "Keep" } as const;
    const importV4 = [{ cidr: "10.0.0.0/8", matchOperator: "In", action: "Accept" }] as const;
    const found = speakerConfig({
      ...state(dual),
      peers: new Map([
        ["tor", { apiVersion: "projectcalico.org/v3", kind: "BGPPeer", metadata: { name: "tor" }, spec }],
      ]),
      filters: new Map([
        ["in", { apiVersion: "projectcalico.org/v3", kind: "BGPFilter", metadata: { name: "in" }, spec: { importV4 } }],
      ]),
    });
    const refusing = { name: "gone", rules: { 4: [{ action: "Reject" }], 6: [{ action: "Reject" }] } };
    assert.deepEqual(found?.peers[0]?.importFilters, [{ name: "in", rules: { 4: importV4 } }, refusing]);
    assert.deepEqual(found?.peers[0]?.exportFilters, [{ name: "in", rules: {} }, refusing]);
    assert.equal(found?.peers[0]?.nextHopMode, "keep");
  });

  it("takes pods' ranges from its own AS, and the way out from another as well", () => {
    const policies = (speakerConfig(state(dual, inner, outer))?.peers ?? []).map(({ importPolicy }) => importPolicy);
    const out = [
      { prefix: "0.0.0.0/0", minLength: 0, maxLength: 0 },
      { prefix: "::/0", minLength: 0, maxLength: 0 },
    ];
    assert.deepEqual(policies, [{ accept: pods }, { accept: [...pods, ...out] }]);
  });
});

describe("sessions stay as they are", () => {
  const cases: { name: string; object: string; isRefused: boolean }[] = [
    { name: "when the cluster's configuration is not understood", object: "BGPConfiguration default", isRefused: true },
    { name: "when the node's is not", object: "BGPConfiguration node.node1", isRefused: true },
    { name: "but not for another node's", object: "BGPConfiguration node.node2", isRefused: false },
    { name: "nor for another object's", object: "BGPPeer default", isRefused: false },
  ];
  for (const { name, object, isRefused } of cases) {
    it(name, () => {
      assert.equal(
        refusedConfiguration("node1", new Map([[object, "a reason"]]))?.includes("a reason") ?? false,
        isRefused,
      );
    });
  }
});
