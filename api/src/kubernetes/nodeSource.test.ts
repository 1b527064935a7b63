import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { parseJson } from "../json/json.ts";
import type { Node } from "../kinds/node.ts";
import { nodeSource } from "./nodeSource.ts";
import { givenByServer, patched, requestOf } from "./sampleServer.ts";
import type { ApiObject } from "./source.ts";

const key = { kind: "Node", name: "node1" } as const;

/** As Kubernetes made it, before anybody of ours was there. */
const bare: ApiObject = {
  metadata: {
    name: "node1",
    ...givenByServer,
    labels: { "kubernetes.io/os": "linux" },
    annotations: { "node.alpha.kubernetes.io/ttl": "0" },
  },
  spec: { podCIDRs: ["10.244.0.0/24"] },
  status: {
    addresses: [
      { type: "InternalIP", address: "192.0.2.11" },
      { type: "Hostname", address: "node1" },
      { type: "ExternalIP", address: "203.0.113.11" },
    ],
    images: [{ names: ["large"] }],
  },
};

function nodeOf(object: ApiObject): Node {
  const reading = nodeSource.read(object);
  assert.ok(reading.type === "value", JSON.stringify(reading));
  return reading.value;
}

describe("a Node of Kubernetes", () => {
  it("is a Node with what Kubernetes knows of it", () => {
    assert.deepEqual(nodeSource.read(bare), {
      type: "value",
      key,
      value: {
        kind: "Node",
        apiVersion: "projectcalico.org/v3",
        metadata: {
          name: "node1",
          uid: givenByServer.uid,
          creationTimestamp: givenByServer.creationTimestamp,
          labels: { "kubernetes.io/os": "linux" },
          annotations: { "projectcalico.org/kube-labels": '{"kubernetes.io/os":"linux"}' },
        },
        spec: {
          orchRefs: [{ nodeName: "node1", orchestrator: "k8s" }],
          addresses: [
            { address: "192.0.2.11", type: "InternalIP" },
            { address: "203.0.113.11", type: "ExternalIP" },
          ],
        },
        status: { podCIDRs: ["10.244.0.0/24"] },
      },
    });
  });

  const annotated = [
    { annotation: "IPv4Address", text: "192.0.2.11/24", field: { bgp: { ipv4Address: "192.0.2.11/24" } } },
    { annotation: "IPv6Address", text: "2001:db8::11/64", field: { bgp: { ipv6Address: "2001:db8::11/64" } } },
    { annotation: "IPv4IPIPTunnelAddr", text: "10.10.0.66", field: { bgp: { ipv4IPIPTunnelAddr: "10.10.0.66" } } },
    { annotation: "ASNumber", text: "64512", field: { bgp: { asNumber: 64512 } } },
    {
      annotation: "RouteReflectorClusterID",
      text: "244.0.0.1",
      field: { bgp: { routeReflectorClusterID: "244.0.0.1" } },
    },
    { annotation: "IPv4VXLANTunnelAddr", text: "10.10.0.67", field: { ipv4VXLANTunnelAddr: "10.10.0.67" } },
    { annotation: "VXLANTunnelMACAddr", text: "66:00:00:00:00:01", field: { vxlanTunnelMACAddr: "66:00:00:00:00:01" } },
    { annotation: "IPv6VXLANTunnelAddr", text: "fd00::67", field: { ipv6VXLANTunnelAddr: "fd00::67" } },
    {
      annotation: "VXLANTunnelMACAddrV6",
      text: "66:00:00:00:00:02",
      field: { vxlanTunnelMACAddrV6: "66:00:00:00:00:02" },
    },
    {
      annotation: "IPv4WireguardInterfaceAddr",
      text: "10.10.0.68",
      field: { wireguard: { interfaceIPv4Address: "10.10.0.68" } },
    },
    {
      annotation: "IPv6WireguardInterfaceAddr",
      text: "fd00::68",
      field: { wireguard: { interfaceIPv6Address: "fd00::68" } },
    },
    {
      annotation: "Interfaces",
      text: '[{"name":"eth0","addresses":["192.0.2.11"]}]',
      field: { interfaces: [{ name: "eth0", addresses: ["192.0.2.11"] }] },
    },
  ];
  for (const { annotation, text, field } of annotated) {
    it(`has of the annotation ${annotation} the field, and writes it back`, () => {
      const { metadata } = bare;
      const node = nodeOf({
        ...bare,
        metadata: { ...metadata, annotations: { [`projectcalico.org/${annotation}`]: text } },
      });
      const { orchRefs: _orchRefs, addresses: _addresses, ...spec } = node.spec;
      assert.deepEqual(spec, field);
      const written = patched(bare, requestOf(nodeSource.write({ op: "put", key, value: node }, bare)));
      assert.equal((written.metadata.annotations as Record<string, string>)[`projectcalico.org/${annotation}`], text);
    });
  }

  it("has its BGP addresses before those that Kubernetes knows", () => {
    const annotations = {
      "projectcalico.org/IPv4Address": "192.0.2.11/24",
      "projectcalico.org/IPv6Address": "2001:db8::11/64",
    };
    const { addresses } = nodeOf({ ...bare, metadata: { ...bare.metadata, annotations } }).spec;
    assert.deepEqual(
      addresses?.map(({ address }) => address),
      ["192.0.2.11/24", "2001:db8::11/64", "192.0.2.11", "203.0.113.11"],
    );
  });

  it("with an annotation that is no value of its field is set aside, and the field is named", () => {
    const reading = nodeSource.read({
      ...bare,
      metadata: { ...bare.metadata, annotations: { "projectcalico.org/IPv4Address": "here" } },
    });
    assert.match(reading.type === "undecodable" ? reading.reason : "", /spec\.bgp\.ipv4Address/);
  });
});

describe("a write of a Node", () => {
  const value: Node = {
    ...nodeOf(bare),
    spec: { bgp: { ipv4Address: "192.0.2.11/24", asNumber: 64513 } },
  };

  it("patches annotations by way of the status, in the version that was read", () => {
    const request = requestOf(nodeSource.write({ op: "update", key, value, revision: "1000" }, bare));
    assert.equal(`${request.method} ${request.path}`, "PATCH /api/v1/nodes/node1/status");
    assert.equal(request.contentType, "application/strategic-merge-patch+json");
    const { metadata } = parseJson(request.body) as unknown as ApiObject;
    assert.equal(metadata.resourceVersion, "1000");
    assert.deepEqual(Object.keys(parseJson(request.body) as object), ["metadata"]);
    assert.deepEqual(nodeSource.write({ op: "update", key, value, revision: "999" }, bare), { type: "conflict" });
  });

  it("takes away what the Node has no longer, and leaves what is not ours", () => {
    const before = {
      ...bare.metadata,
      annotations: { other: "kept", "projectcalico.org/IPv6Address": "2001:db8::11/64" },
    };
    const written = patched(
      { ...bare, metadata: before },
      requestOf(nodeSource.write({ op: "put", key, value }, bare)),
    );
    assert.deepEqual(written.metadata.annotations, {
      other: "kept",
      "projectcalico.org/ASNumber": "64513",
      "projectcalico.org/IPv4Address": "192.0.2.11/24",
    });
  });

  it("keeps labels of its own in an annotation, and those of Kubernetes where they are", () => {
    const labelled = { ...value, metadata: { ...value.metadata, labels: { ...value.metadata.labels, rack: "r1" } } };
    const written = patched(bare, requestOf(nodeSource.write({ op: "put", key, value: labelled }, bare)));
    assert.deepEqual(written.metadata.labels, bare.metadata.labels);
    assert.equal((written.metadata.annotations as Record<string, string>)["projectcalico.org/labels"], '{"rack":"r1"}');
    assert.deepEqual(nodeOf(written).metadata.labels, { rack: "r1", "kubernetes.io/os": "linux" });
  });

  it("makes no Node and deletes none", () => {
    const create = nodeSource.write({ op: "create", key, value }, null);
    const remove = nodeSource.write({ op: "delete", key, revision: "1000" }, bare);
    assert.equal(
      create.type === "refused" && create.reason,
      "Node(node1): Kubernetes makes Nodes; Brindle only annotates them",
    );
    assert.equal(
      remove.type === "refused" && remove.reason,
      "Node(node1): Kubernetes deletes Nodes; Brindle only annotates them",
    );
    assert.deepEqual(nodeSource.write({ op: "create", key, value }, bare), { type: "conflict" });
  });
});
