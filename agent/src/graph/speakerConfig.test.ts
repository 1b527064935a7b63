import assert from "node:assert/strict";
import {
  type BGPFilter,
  type BGPPeer,
  brindleApiVersion,
  type FabricPeer,
  type FabricPeerSpec,
  type Node,
} from "@brindle/api";
import { checkConfig, type SpeakerConfig } from "@brindle/bgp";
import { parsePrefix } from "@brindle/net";
import { describe, it } from "vitest";
import { refusedConfiguration, type SpeakerState, speakerPlan, undialledPeers } from "./speakerConfig.ts";

function node(name: string, bgp: NonNullable<Node["spec"]["bgp"]>): [string, Node] {
  return [name, { apiVersion: "projectcalico.org/v3", kind: "Node", metadata: { name }, spec: { bgp } }];
}

const dual = node("node1", { ipv4Address: "172.30.1.11/24", ipv6Address: "fd00:30:1::11/64" });
const inner = node("node2", { ipv4Address: "172.30.1.12/24" });
const outer = node("node3", { ipv4Address: "172.30.1.13/24", asNumber: 65_000 });

function speakerConfig(wanted: SpeakerState): SpeakerConfig | null {
  return speakerPlan(wanted)?.config ?? null;
}

function state(...nodes: readonly [string, Node][]): SpeakerState {
  return {
    node: "node1",
    nodes: new Map(nodes),
    peers: new Map(),
    fabricPeers: new Map(),
    gateways: {},
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

describe("a FabricPeer's session", () => {
  const fabric = (spec: FabricPeerSpec): FabricPeer => {
    return { apiVersion: brindleApiVersion, kind: "FabricPeer", metadata: { name: "tor" }, spec };
  };
  /** Of one resource alone, and right for the speaker. */
  function configOf(spec: FabricPeerSpec): SpeakerConfig {
    const config = speakerConfig({ ...state(dual), fabricPeers: new Map([["tor", fabric(spec)]]) });
    if (!config) assert.fail("no configuration");
    checkConfig(config);
    return config;
  }

  it("is all that the resource says", () => {
    const [peer] = configOf({
      peerIP: "172.31.0.1:1790",
      asNumber: 65_001,
      localASNumber: 64_999,
      passive: true,
      sourceAddress: "None",
      ttlSecurity: 2,
      holdTime: "9s",
      keepaliveTime: "3s",
      connectRetryTime: "2500ms",
      bfd: { transmitInterval: "50ms", detectMultiplier: 5 },
      gracefulRestart: { mode: "Helper", maxRestartTime: "30s", longLivedStaleTime: "1h" },
      families: ["IPv6"],
      addPath: "Both",
      role: "Customer",
      strictRole: true,
      nextHopMode: "Self",
      numAllowedLocalASNumbers: 2,
      maxPrefixes: { limit: 5, restartAfter: "24h" },
      gracefulShutdown: true,
      administrativeShutdown: { message: "tonight" },
    }).peers;
    const { importPolicy: _, exportPolicy: __, nextHop: ___, ...rest } = peer ?? assert.fail();
    assert.deepEqual(rest, {
      name: "fabric/tor",
      role: "peer",
      address: "172.31.0.1",
      port: 1790,
      asn: 65_001,
      localAsn: 64_999,
      passive: true,
      holdSeconds: 9,
      keepaliveSeconds: 3,
      connectRetrySeconds: 2,
      ttlSecurity: 2,
      bfd: { minTxMs: 50, minRxMs: 300, multiplier: 5, multihop: true },
      gracefulRestart: { restartSeconds: 30, forwardingKept: true, helperOnly: true, longLivedSeconds: 3600 },
      families: [6],
      addPath: { send: true, receive: true },
      localRole: "customer",
      strictRole: true,
      nextHopMode: "self",
      ownAsMax: 2,
      maxPrefixes: { 4: 5, 6: 5, action: "reset", warnPercent: 80, restartSeconds: 86_400 },
      gracefulShutdown: true,
      shutdown: { text: "tonight" },
    });
  });

  it("is watched over one hop where the router is in a network of the node, and as it is told otherwise", () => {
    const hops = (spec: FabricPeerSpec): boolean | undefined =>
      configOf({ asNumber: 65_001, ...spec }).peers[0]?.bfd?.multihop;
    assert.deepEqual(
      [
        hops({ peerIP: "172.30.1.1", bfd: {} }),
        hops({ peerIP: "172.30.1.1", bfd: { mode: "Multihop" } }),
        hops({ peerIP: "172.31.0.1", bfd: { mode: "SingleHop" } }),
        hops({ interface: "eth1", bfd: {} }),
      ],
      [undefined, true, undefined, undefined],
    );
  });

  it("over a link without numbers carries IPv4 by way of IPv6, and is listened for", () => {
    const { listen, peers } = configOf({ interface: "eth1", peerType: "External" });
    assert.deepEqual(
      listen.map(({ address }) => address),
      ["172.30.1.11", "::"],
    );
    const [peer] = peers;
    assert.deepEqual(
      [peer?.address, peer?.interface, peer?.extendedNextHop, peer?.localAddress],
      ["::", "eth1", true, undefined],
    );
  });

  it("of a range is what each router in it is spoken with by", () => {
    const { peers, dynamicPeers } = configOf({ range: "172.31.0.0/24", asNumber: 65_001, holdTime: "30s" });
    assert.deepEqual(peers, []);
    const [range] = dynamicPeers ?? [];
    assert.deepEqual([range?.name, range?.range, range?.limit], ["fabric/tor", "172.31.0.0/24", 100]);
    assert.deepEqual([range?.template.asn, range?.template.holdSeconds], [65_001, 30]);
  });

  it("that cannot be keeps no other from being", () => {
    const inside = configOf({ peerIP: "172.30.1.1", asNumber: 64_512, role: "Customer", strictRole: true }).peers[0];
    assert.match(inside?.withheld?.reason ?? "", /^its role is for a session between two AS/);
    const label = configOf({ peerIP: "172.30.1.1", asNumberFromNodeLabel: "rack" }).peers[0];
    assert.equal(label?.withheld?.reason, "node node1 has no label rack");
  });

  it("changes what is accepted and announced, behind what its filters do, and lets nothing else pass", () => {
    const filter: BGPFilter = {
      apiVersion: "projectcalico.org/v3",
      kind: "BGPFilter",
      metadata: { name: "some" },
      spec: {
        importV4: [
          { action: "Reject", matchOperator: "In", cidr: "10.244.8.0/24" },
          {
            action: "Accept",
            matchOperator: "In",
            cidr: "10.9.0.0/16",
            operations: [{ addCommunity: { value: "1:1" } }],
          },
        ],
      },
    };
    const tor = fabric({
      peerIP: "172.30.1.1",
      asNumber: 65_001,
      filters: ["some"],
      accepted: { communities: ["64512:9"], localPreference: 7 },
      announced: { med: 5, prependASPath: [64_512, 64_512] },
    });
    const wanted = { ...state(dual), fabricPeers: new Map([["tor", tor]]), filters: new Map([["some", filter]]) };
    const config = speakerConfig(wanted) ?? assert.fail();
    checkConfig(config);
    const [peer] = config.peers;
    const accepting = [{ addCommunity: { value: "64512:9" } }, { setLocalPreference: { value: 7 } }];
    const [own, added] = peer?.importFilters ?? [];
    assert.deepEqual(
      own?.rules[4]?.map(({ action, operations }) => [action, operations]),
      [
        ["Reject", undefined],
        ["Accept", [{ addCommunity: { value: "1:1" } }, ...accepting]],
      ],
    );
    assert.equal(added?.name, "fabric/tor accepted");
    assert.deepEqual(added?.rules[4], [
      {
        cidr: "10.244.0.0/16",
        matchOperator: "In",
        prefixLength: { min: 16, max: 32 },
        action: "Accept",
        operations: accepting,
      },
      {
        cidr: "0.0.0.0/0",
        matchOperator: "In",
        prefixLength: { min: 0, max: 0 },
        action: "Accept",
        operations: accepting,
      },
    ]);
    const announcing = [{ setMED: { value: 5 } }, { prependASPath: { prefix: [64_512, 64_512] } }];
    assert.deepEqual(peer?.exportFilters?.at(-1)?.rules[4], [
      {
        cidr: "10.244.3.0/26",
        matchOperator: "In",
        prefixLength: { min: 26, max: 26 },
        action: "Accept",
        operations: announcing,
      },
    ]);
    assert.deepEqual(peer?.exportPolicy.accept, [{ prefix: "10.244.3.0/26", minLength: 26, maxLength: 26 }]);
  });
});
