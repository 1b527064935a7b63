import assert from "node:assert/strict";
import { decodeResource, encodeValue, type WorkloadEndpoint } from "@brindle/api";
import { type Address, parseAddress } from "@brindle/net";
import { describe, it } from "vitest";
import { attachmentOf, handleOf } from "./attachment.ts";
import type { CniArgs } from "./environment.ts";
import { workloadEndpoint } from "./workloadEndpoint.ts";

const containerId = "0123456789abcdef";
const pod: CniArgs = { podNamespace: "prod", podName: "web-0", podUid: "u1" };
const addresses = ["10.65.0.3", "fd00::3"].map(parseAddress).filter((address) => address !== null);

function attach({ interfaceName = "eth0", args = pod }: { interfaceName?: string; args?: CniArgs } = {}) {
  return attachmentOf({ containerId, interfaceName, netns: "/run/netns/x", args }, "k8s-pod-network");
}

describe("the names of an attachment", () => {
  const names: { name: string; of: Parameters<typeof attach>[0]; hostInterface: string; handle: string }[] = [
    {
      name: "a pod's first interface are Calico's", // echo -n prod.web-0 | sha1sum
      of: {},
      hostInterface: "caliaa960f0d82e",
      handle: `k8s-pod-network.${containerId}`,
    },
    {
      name: "a pod's second interface are others", // echo -n prod.web-0.net1 | sha1sum
      of: { interfaceName: "net1" },
      hostInterface: "cali93ab8299b8e",
      handle: `k8s-pod-network.${containerId}.net1`,
    },
    {
      name: "a container outside Kubernetes begin as its id does",
      of: { args: {} },
      hostInterface: "cali0123456789a",
      handle: `k8s-pod-network.${containerId}`,
    },
  ];
  for (const { name, of, hostInterface, handle } of names) {
    it(`of ${name}`, () => {
      assert.equal(attach(of).hostInterface, hostInterface);
      assert.equal(handleOf(attach(of)), handle);
    });
  }

  it("include a hardware address, unicast and of local administration, the same each time", () => {
    const { mac } = attach();
    assert.match(mac, /^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/);
    assert.equal(attach().mac, mac);
    assert.notEqual(attach({ interfaceName: "net1" }).mac, mac);
  });
});

function decodedOf(json: unknown): unknown {
  const decoded = decodeResource("WorkloadEndpoint", json);
  return decoded.kind === "valid" ? decoded.resource : decoded.problems;
}

describe("the endpoint", () => {
  it("of a pod is the one that Calico's plugin would write", () => {
    const owner = { attachment: attach(), node: "node-1", labels: { app: "web" } };
    const endpoint = workloadEndpoint(owner, addresses);
    assert.deepEqual(endpoint.metadata, {
      namespace: "prod",
      name: "node--1-k8s-web--0-eth0",
      labels: { app: "web", "projectcalico.org/namespace": "prod", "projectcalico.org/orchestrator": "k8s" },
      annotations: { "brindle.network/pod-uid": "u1" },
    });
    assert.deepEqual(endpoint.spec, {
      orchestrator: "k8s",
      pod: "web-0",
      node: "node-1",
      containerID: containerId,
      endpoint: "eth0",
      ipNetworks: ["10.65.0.3/32", "fd00::3/128"],
      profiles: ["kns.prod"],
      interfaceName: owner.attachment.hostInterface,
      mac: owner.attachment.mac,
    });
  });

  it("has what its Pod asks for, where that is known, and its own names", () => {
    const pod = (given: readonly Address[]): WorkloadEndpoint => ({
      apiVersion: "projectcalico.org/v3",
      kind: "WorkloadEndpoint",
      metadata: { name: "pods", labels: { app: "db", team: "red" }, annotations: { "brindle.network/pod-uid": "u2" } },
      spec: {
        orchestrator: "k8s",
        node: "another",
        endpoint: "eth0",
        interfaceName: "pods",
        serviceAccountName: "till",
        profiles: ["kns.prod", "ksa.prod.till"],
        ports: [{ name: "http", protocol: "TCP", port: given.length }],
      },
    });
    const owner = { attachment: attach(), node: "node-1", labels: { app: "web", extra: "x" }, pod };
    const { metadata, spec } = workloadEndpoint(owner, addresses);
    assert.equal(metadata.name, "node--1-k8s-web--0-eth0");
    assert.partialDeepStrictEqual(metadata.labels, { app: "db", team: "red", extra: "x" });
    assert.deepEqual(metadata.annotations, { "brindle.network/pod-uid": "u2" });
    assert.partialDeepStrictEqual(spec, {
      node: "node-1",
      interfaceName: owner.attachment.hostInterface,
      serviceAccountName: "till",
      profiles: ["kns.prod", "ksa.prod.till"],
      ports: [{ name: "http", protocol: "TCP", port: 2 }],
    });
  });

  it("has the limits that it gets, and on a second interface nothing that a pod asks for its first one", () => {
    const nats = [{ internalIP: "10.65.0.3", externalIP: "192.0.2.9" }];
    const pod = (): WorkloadEndpoint => ({
      ...{ apiVersion: "projectcalico.org/v3", kind: "WorkloadEndpoint", metadata: { name: "pods" } },
      spec: {
        ...{ orchestrator: "k8s", node: "node-1", endpoint: "eth0", profiles: ["kns.prod"] },
        ...{ ipNATs: nats, allowSpoofedSourcePrefixes: ["198.51.100.0/24"] },
        qosControls: { egressBandwidth: 1_000_000, egressPacketRate: 9 },
      },
    });
    const limits = { egressPacketRate: 9 };
    const specOf = (interfaceName: string, given: { limits?: typeof limits }) =>
      workloadEndpoint({ attachment: attach({ interfaceName }), node: "node-1", labels: {}, pod, ...given }, addresses)
        .spec;
    const first = specOf("eth0", { limits });
    assert.deepEqual([first.qosControls, first.ipNATs], [limits, nats]);
    const second = specOf("net1", {});
    assert.deepEqual([second.qosControls, second.ipNATs, second.allowSpoofedSourcePrefixes], Array(3).fill(undefined));
    assert.deepEqual(second.profiles, ["kns.prod"]);
  });

  it("of a container outside Kubernetes has its id as workload and its network's profile", () => {
    const { metadata, spec } = workloadEndpoint(
      { attachment: attach({ args: {} }), node: "n1", labels: {} },
      addresses,
    );
    assert.equal(metadata.name, `n1-cni-${containerId}-eth0`);
    assert.equal(metadata.namespace, "default");
    assert.equal(spec.workload, containerId);
    assert.equal(spec.pod, undefined);
    assert.deepEqual(spec.profiles, ["k8s-pod-network"]);
  });

  it("is stored in Calico's order, whatever it has, so that whoever reads it takes it as it is", () => {
    const pod = (): WorkloadEndpoint => ({
      ...{ apiVersion: "projectcalico.org/v3", kind: "WorkloadEndpoint", metadata: { name: "pods" } },
      spec: {
        ...{ orchestrator: "k8s", node: "node-1", endpoint: "eth0", profiles: ["kns.prod"] },
        ports: [{ name: "http", protocol: "TCP", port: 80 }],
        allowSpoofedSourcePrefixes: ["198.51.100.0/24"],
        ipNATs: [{ internalIP: "10.65.0.3", externalIP: "192.0.2.9" }],
        serviceAccountName: "till",
      },
    });
    const limits = { egressPacketRate: 9 };
    const owners = [
      { attachment: attach(), node: "node-1", labels: { app: "web" } },
      { attachment: attach(), node: "node-1", labels: { app: "web" }, pod, limits },
      { attachment: attach({ interfaceName: "net1" }), node: "node-1", labels: {}, pod },
      { attachment: attach({ args: {} }), node: "node-1", labels: {} },
    ];
    for (const owner of owners) {
      const value = workloadEndpoint(owner, addresses);
      const { namespace = "", name } = value.metadata;
      const text = encodeValue({ kind: "WorkloadEndpoint", namespace, name }, value);
      const json: unknown = JSON.parse(text);
      // Nothing of it had to be put into another place.
      assert.equal(decodedOf(json), json);
      assert.equal(decodedOf(value), value);
      assert.deepEqual(json, value);
    }
  });

  it("cannot be given another namespace's labels", () => {
    const labels = { "projectcalico.org/namespace": "kube-system" };
    const { metadata } = workloadEndpoint({ attachment: attach(), node: "n1", labels }, addresses);
    assert.equal(metadata.labels?.["projectcalico.org/namespace"], "prod");
  });
});
