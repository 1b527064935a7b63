import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { parseWorkloadEndpointName, workloadEndpointName, workloadEndpointPrefix } from "./workloadEndpointName.ts";

const names: { name: string; node: string; pod: string; endpoint: string }[] = [
  { name: "node1-k8s-web-eth0", node: "node1", pod: "web", endpoint: "eth0" },
  { name: "node1-k8s-web--0-eth0", node: "node1", pod: "web-0", endpoint: "eth0" },
  { name: "ip--10--0--0--1-k8s-a--b--c-eth0", node: "ip-10-0-0-1", pod: "a-b-c", endpoint: "eth0" },
  { name: "a.example.org-k8s-web----0-eth0", node: "a.example.org", pod: "web--0", endpoint: "eth0" },
];

describe("the name of a workload endpoint", () => {
  for (const { name, ...parts } of names) {
    it(`${name} is made of its parts, and taken apart again`, () => {
      assert.equal(workloadEndpointName({ ...parts, orchestrator: "k8s" }), name);
      assert.deepEqual(parseWorkloadEndpointName(name), { ...parts, orchestrator: "k8s" });
      assert.ok(name.startsWith(workloadEndpointPrefix(parts.node)));
    });
  }

  it("of another orchestrator has its workload instead of a pod", () => {
    const identity = { node: "n", orchestrator: "libnetwork", workload: "w", endpoint: "e" };
    assert.deepEqual(parseWorkloadEndpointName(workloadEndpointName(identity)), identity);
  });

  it("has four parts", () => {
    for (const name of ["", "a-b-c", "a-b-c-d-e", "a--b-c-d", "-k8s-web-eth0"]) {
      assert.equal(parseWorkloadEndpointName(name), null, name);
    }
  });

  it("of one node never begins like those of another", () => {
    const other = workloadEndpointName({ node: "node1-k8s", orchestrator: "k8s", pod: "x", endpoint: "e" });
    assert.ok(!other.startsWith(workloadEndpointPrefix("node1")));
  });
});
