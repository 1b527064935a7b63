import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { readHostPod } from "./hostPod.ts";
import type { ApiObject } from "./source.ts";

const metadata = { name: "proxy", namespace: "kube-system", labels: { app: "proxy" } };
const ports = [{ name: "metrics", containerPort: 10249 }, { containerPort: 10256 }];
const spec = { nodeName: "node1", hostNetwork: true, containers: [{ ports }] };
const status = { hostIP: "10.9.0.1", podIP: "10.9.0.1", podIPs: [{ ip: "10.9.0.1" }, { ip: "fd09::1" }] };

describe("a pod in the network of its node", () => {
  const read = (parts: object) =>
    readHostPod({ apiVersion: "v1", kind: "Pod", metadata, spec, status, ...parts } as ApiObject);

  it("has the node's addresses, and ports with a name", () => {
    assert.deepEqual(read({}), {
      namespace: "kube-system",
      name: "proxy",
      node: "node1",
      labels: { app: "proxy" },
      addresses: ["10.9.0.1", "fd09::1"],
      ports: [{ name: "metrics", protocol: "TCP", port: 10249 }],
    });
  });

  const told: [string, object, string[]][] = [
    ["its node's, before it has its own", { hostIP: "10.9.0.1", hostIPs: [{ ip: "10.9.0.1" }] }, ["10.9.0.1"]],
    ["none while nobody tells one", {}, []],
    ["what is an address alone", { podIP: "soon" }, []],
  ];
  it.each(told)("has of addresses %s", (_name, stated, addresses) => {
    assert.deepEqual(read({ status: stated })?.addresses, addresses);
  });

  it("is none with a network of its own, or without a node", () => {
    assert.equal(read({ spec: { ...spec, hostNetwork: false } }), null);
    assert.equal(read({ spec: { ...spec, nodeName: undefined } }), null);
  });
});
