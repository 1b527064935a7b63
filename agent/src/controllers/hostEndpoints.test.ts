import assert from "node:assert/strict";
import {
  type AutoHostEndpointConfig,
  apiVersion,
  type HostEndpoint,
  type Item,
  type Node,
  type Write,
} from "@brindle/api";
import { describe, it } from "vitest";
import { planHostEndpoints } from "./hostEndpoints.ts";

const created = { "projectcalico.org/created-by": "calico-kube-controllers" };
const labels = { zone: "a", "kubernetes.io/hostname": "node1" };
const node: Node = {
  apiVersion,
  kind: "Node",
  metadata: { name: "node1", labels },
  spec: {
    bgp: { ipv4Address: "192.0.2.1/24", ipv6Address: "2001:db8::1/64", ipv4IPIPTunnelAddr: "10.1.0.1" },
    ipv4VXLANTunnelAddr: "10.1.0.2",
    wireguard: { interfaceIPv6Address: "fd00::3" },
    addresses: [
      { address: "192.0.2.1/24", type: "CalicoNodeIP" },
      { address: "192.0.2.1", type: "InternalIP" },
      { address: "198.51.100.1", type: "InternalIP" },
      { address: "203.0.113.1", type: "ExternalIP" },
    ],
    interfaces: [
      { name: "eth0", addresses: ["192.0.2.1"] },
      { name: "eth1", addresses: ["198.51.100.1", "198.51.100.2/24"] },
      { name: "bond0" },
    ],
  },
};
const expectedIPs = [
  ...["192.0.2.1", "2001:db8::1", "10.1.0.1", "10.1.0.2", "fd00::3"],
  ...["198.51.100.1", "198.51.100.2"],
];
const whole: HostEndpoint = {
  apiVersion,
  kind: "HostEndpoint",
  metadata: { name: "node1-auto-hep", labels: { ...labels, ...created } },
  spec: { node: "node1", interfaceName: "*", expectedIPs, profiles: ["projectcalico-default-allow"] },
};

const enabled: AutoHostEndpointConfig = { autoCreate: "Enabled" };
const item = (value: HostEndpoint): Item<"HostEndpoint"> => ({
  key: { kind: "HostEndpoint", name: value.metadata.name },
  value,
  revision: "7",
});

function plan(config: AutoHostEndpointConfig, stored: readonly HostEndpoint[] = [], nodes: readonly Node[] = [node]) {
  const known = new Map(nodes.map((one) => [one.metadata.name, one]));
  return planHostEndpoints({ config, nodes: known, hostEndpoints: stored.map(item) });
}

function inWords(writes: readonly Write[]): string[] {
  return writes.map(({ op, key }) => `${op} ${key.name}`);
}

function made(writes: readonly Write[]): (HostEndpoint["spec"] & { readonly name: string })[] {
  return writes.flatMap((write) =>
    "value" in write ? [{ name: write.key.name, ...(write.value as HostEndpoint).spec }] : [],
  );
}

describe("host endpoints of nodes", () => {
  it("are for all interfaces, with the labels and addresses of the node, as Calico's", () => {
    const { writes, troubles } = plan(enabled);
    assert.deepEqual(writes, [{ op: "create", key: { kind: "HostEndpoint", name: "node1-auto-hep" }, value: whole }]);
    assert.deepEqual(troubles, []);
  });

  const states: { name: string; config?: AutoHostEndpointConfig; stored: HostEndpoint[]; writes: string[] }[] = [
    { name: "as they should be", stored: [whole], writes: [] },
    {
      name: "with other labels",
      stored: [{ ...whole, metadata: { ...whole.metadata, labels: created } }],
      writes: ["update node1-auto-hep"],
    },
    {
      name: "with other addresses",
      stored: [{ ...whole, spec: { ...whole.spec, expectedIPs: [] } }],
      writes: ["update node1-auto-hep"],
    },
    {
      name: "for another interface",
      stored: [{ ...whole, spec: { ...whole.spec, interfaceName: "eth0" } }],
      writes: ["update node1-auto-hep"],
    },
    {
      name: "not wanted any more",
      config: { autoCreate: "Disabled" },
      stored: [whole],
      writes: ["delete node1-auto-hep"],
    },
    { name: "of which nothing is said", config: {}, stored: [whole], writes: ["delete node1-auto-hep"] },
    {
      name: "only by templates",
      config: { ...enabled, createDefaultHostEndpoint: "Disabled" },
      stored: [whole],
      writes: ["delete node1-auto-hep"],
    },
    {
      name: "of a node that is gone",
      stored: [
        whole,
        { ...whole, metadata: { ...whole.metadata, name: "gone-auto-hep" }, spec: { ...whole.spec, node: "gone" } },
      ],
      writes: ["delete gone-auto-hep"],
    },
    {
      name: "beside one that people made",
      stored: [whole, { ...whole, metadata: { name: "mine" }, spec: { node: "gone", interfaceName: "eth0" } }],
      writes: [],
    },
  ];
  for (const { name, config = enabled, stored, writes } of states) {
    it(`${name}: ${writes.join(", ") || "nothing is written"}`, () => {
      assert.deepEqual(inWords(plan(config, stored).writes), writes);
    });
  }

  it("keep what people added to them, and what their revision was", () => {
    const stored = {
      ...whole,
      metadata: { ...whole.metadata, uid: "u", annotations: { note: "mine" }, labels: { ...created } },
      spec: { ...whole.spec, ports: [{ name: "ssh", protocol: "TCP", port: 22 }] },
    };
    const [write] = plan(enabled, [stored]).writes;
    assert.deepEqual(write, {
      op: "update",
      key: { kind: "HostEndpoint", name: "node1-auto-hep" },
      value: { ...stored, metadata: { ...stored.metadata, labels: whole.metadata.labels ?? {} } },
      revision: "7",
    });
  });

  it("are not made in the place of one that people made", () => {
    const mine = { ...whole, metadata: { name: "node1-auto-hep" } };
    const { writes, troubles } = plan(enabled, [mine]);
    assert.deepEqual(writes, []);
    assert.match(troubles.join(), /^HostEndpoint node1-auto-hep is there already/);
  });

  it("of a node that cannot be read stay as they are, unless nobody is to have any", () => {
    const nodes = new Map([["node1", null]]);
    const hostEndpoints = [item(whole)];
    assert.deepEqual(planHostEndpoints({ config: enabled, nodes, hostEndpoints }).writes, []);
    assert.equal(planHostEndpoints({ config: {}, nodes, hostEndpoints }).writes.length, 1);
  });

  describe("by templates", () => {
    const only = (...templates: NonNullable<AutoHostEndpointConfig["templates"]>): AutoHostEndpointConfig => ({
      ...enabled,
      createDefaultHostEndpoint: "Disabled",
      templates,
    });

    it("are for the addresses in their networks, with their labels before the node's", () => {
      const template = {
        generateName: "public",
        interfaceCIDRs: ["198.51.100.0/24", "2001:db8::/32"],
        labels: { zone: "b", role: "edge" },
        annotations: { note: "x" },
      };
      const { writes } = plan(only(template));
      assert.deepEqual(made(writes), [
        {
          name: "node1-public-auto-hep",
          node: "node1",
          expectedIPs: ["2001:db8::1", "198.51.100.1", "198.51.100.2"],
          profiles: ["projectcalico-default-allow"],
        },
      ]);
      const [write] = writes;
      assert(write && "value" in write);
      const { metadata } = write.value as HostEndpoint;
      assert.deepEqual(metadata.labels, { ...labels, zone: "b", role: "edge", ...created });
      assert.deepEqual(metadata.annotations, { note: "x" });
    });

    it("are for each interface of a name, each with its addresses", () => {
      const { writes } = plan(
        only({ generateName: "nic", interfacePattern: "^eth[0-9]+$", interfaceCIDRs: ["10.0.0.0/8"] }),
      );
      assert.deepEqual(
        made(writes).map(({ name, interfaceName, expectedIPs }) => [name, interfaceName, expectedIPs]),
        [
          ["node1-nic-eth0-auto-hep", "eth0", ["10.1.0.1", "10.1.0.2", "192.0.2.1"]],
          ["node1-nic-eth1-auto-hep", "eth1", ["10.1.0.1", "10.1.0.2", "198.51.100.1", "198.51.100.2"]],
        ],
      );
    });

    const none: [string, NonNullable<AutoHostEndpointConfig["templates"]>[number]][] = [
      ["no address is in its networks", { generateName: "t", interfaceCIDRs: ["172.16.0.0/12"] }],
      ["it names neither networks nor interfaces", { generateName: "t" }],
      ["it is for other nodes", { generateName: "t", interfacePattern: ".*", nodeSelector: "zone == 'b'" }],
    ];
    for (const [name, template] of none) {
      it(`are none where ${name}`, () => assert.deepEqual(plan(only(template)), { writes: [], troubles: [] }));
    }

    const wrong: [string, NonNullable<AutoHostEndpointConfig["templates"]>[number], RegExp][] = [
      ["a selector that is none", { generateName: "t", nodeSelector: "zone ==" }, /^template t: nodeSelector: /],
      [
        "a pattern that is none",
        { generateName: "t", interfacePattern: "eth[" },
        /^template t: interfacePattern: "eth\["/,
      ],
      ["no name", { interfacePattern: "eth0" }, /^template : generateName is missing$/],
    ];
    for (const [name, template, trouble] of wrong) {
      it(`are told of that cannot be made, and what is there stays: ${name}`, () => {
        const left = { ...whole, metadata: { ...whole.metadata, name: "node1-t-auto-hep" } };
        const { writes, troubles } = plan(only(template), [left]);
        assert.deepEqual(writes, []);
        assert.match(troubles.join(), trouble);
      });
    }

    it("have a name of at most 253 characters", () => {
      const { writes } = plan(only({ generateName: "x".repeat(250), interfacePattern: "eth0" }));
      assert.match(inWords(writes).join(), /^create [a-z0-9]{30,43}-auto-hep$/);
    });
  });
});
