import assert from "node:assert/strict";
import { apiVersion, type WorkloadEndpoint } from "@brindle/api";
import { describe, it } from "vitest";
import { AddedPods } from "./addedPods.ts";

const key = { kind: "WorkloadEndpoint", namespace: "prod", name: "node1-k8s-web-eth0" } as const;

function endpoint(containerID: string, ...ipNetworks: readonly string[]): WorkloadEndpoint {
  const spec = { orchestrator: "k8s", node: "node1", pod: "web", endpoint: "eth0", containerID, ipNetworks };
  return { apiVersion, kind: "WorkloadEndpoint", metadata: { namespace: key.namespace, name: key.name }, spec };
}

const rows: { name: string; told: readonly (WorkloadEndpoint | null)[]; addresses: readonly (string | null)[] }[] = [
  { name: "as the datastore tells them", told: [endpoint("new", "10.0.0.2/32")], addresses: ["10.0.0.2/32"] },
  {
    name: "the new ones, while the kubelet says the old",
    told: [endpoint("new", "10.0.0.1/32")],
    addresses: ["10.0.0.2/32"],
  },
  {
    name: "the old container's, while its annotation stands",
    told: [endpoint("old", "10.0.0.1/32"), endpoint("new", "10.0.0.1/32")],
    addresses: ["10.0.0.1/32", "10.0.0.2/32"],
  },
  {
    name: "the datastore's again, once it has caught up",
    told: [endpoint("new", "10.0.0.1/32"), endpoint("new", "10.0.0.2/32"), endpoint("new", "10.0.0.3/32")],
    addresses: ["10.0.0.2/32", "10.0.0.2/32", "10.0.0.3/32"],
  },
  {
    name: "none of a pod that is gone, also when another of its name comes",
    told: [null, endpoint("new", "10.0.0.3/32")],
    addresses: [null, "10.0.0.3/32"],
  },
];

describe("the addresses of a pod that was added are", () => {
  for (const { name, told, addresses } of rows) {
    it(name, () => {
      const pods = new AddedPods();
      pods.note(endpoint("new", "10.0.0.2/32"));
      const seen = told.map((each) => pods.corrected(key, each)?.spec.ipNetworks?.join() ?? null);
      assert.deepEqual(seen, addresses);
    });
  }
});
