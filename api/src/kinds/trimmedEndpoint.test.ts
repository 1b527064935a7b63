import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { isUnmanaged } from "../kubernetes/unmanagedAddresses.ts";
import { EndpointTrimmer } from "./trimmedEndpoint.ts";
import { validate } from "./validate.ts";
import type { WorkloadEndpoint } from "./workloadEndpoint.ts";

function endpoint(pod: string, app = "web"): WorkloadEndpoint {
  return {
    kind: "WorkloadEndpoint",
    apiVersion: "projectcalico.org/v3",
    metadata: {
      name: `node1-k8s-${pod}-eth0`,
      namespace: "prod",
      uid: "dfc07698-6de9-4714-8bc6-000000000001",
      creationTimestamp: "2026-11-20T23:14:58Z",
      labels: { app },
    },
    spec: {
      orchestrator: "k8s",
      node: "node1",
      containerID: "abc",
      pod,
      endpoint: "eth0",
      serviceAccountName: "default",
      ipNetworks: ["10.0.0.1/32"],
      profiles: ["kns.prod"],
      interfaceName: "cali12345678901",
      mac: "ee:ee:ee:ee:ee:ee",
      ports: [{ name: "http", protocol: "TCP", port: 80, hostPort: 0, hostIP: "" }],
    },
  };
}

describe("EndpointTrimmer", () => {
  it("keeps what policy and routes need, and the endpoint valid", () => {
    const whole = endpoint("a");
    const { uid: _uid, creationTimestamp: _time, ...metadata } = whole.metadata;
    const { containerID: _container, serviceAccountName: _account, mac: _mac, ...spec } = whole.spec;
    const trimmed = new EndpointTrimmer().trim(whole);
    assert.deepEqual(trimmed, { ...whole, metadata, spec });
    assert.equal(validate(trimmed).kind, "valid");
  });

  it("keeps of annotations the one by which no block is to have an address", () => {
    const whole = endpoint("a");
    const unmanaged = { "cni.projectcalico.org/ipAddrsNoIpam": '["10.0.0.1"]' };
    const annotations = { ...unmanaged, "cni.projectcalico.org/containerID": "abc" };
    const trimmed = new EndpointTrimmer().trim({ ...whole, metadata: { ...whole.metadata, annotations } });
    assert.deepEqual(trimmed.metadata.annotations, unmanaged);
    assert.equal(isUnmanaged(trimmed, "10.0.0.1"), true);
  });

  it("leaves out what was not there", () => {
    const { kind, apiVersion } = endpoint("a");
    const spec = { orchestrator: "openstack", workload: "vm", node: "node1", endpoint: "tap0" };
    const bare: WorkloadEndpoint = { kind, apiVersion, metadata: { name: "bare" }, spec };
    assert.deepEqual(Object.keys(new EndpointTrimmer().trim(bare).spec), Object.keys(spec));
    assert.deepEqual(new EndpointTrimmer().trim(bare), bare);
  });

  it("keeps once what two endpoints have alike, and apart what they have not", () => {
    const trimmer = new EndpointTrimmer();
    const [a, b, c] = [endpoint("a"), endpoint("b"), endpoint("c", "db")].map((each) => trimmer.trim(each));
    assert.ok(a && b && c);
    assert.equal(a.metadata.labels, b.metadata.labels);
    assert.equal(a.spec.profiles, b.spec.profiles);
    assert.equal(a.spec.ports, c.spec.ports);
    assert.deepEqual(c.metadata.labels, { app: "db" });
  });

  it("forgets what it shared before there is too much of it", () => {
    const trimmer = new EndpointTrimmer();
    const first = trimmer.trim(endpoint("a"));
    for (let i = 0; i < 10_000; i++) trimmer.trim(endpoint("b", `app-${i}`));
    const again = trimmer.trim(endpoint("a"));
    assert.notEqual(again.metadata.labels, first.metadata.labels);
    assert.deepEqual(again, first);
  });
});
