import { expect, it } from "vitest";
import { ClusterState } from "./clusterState.ts";
import { tearDown } from "./tearDown.ts";

const information = { apiVersion: "projectcalico.org/v3", kind: "ClusterInformation", metadata: { name: "default" } };
const endpoint = {
  apiVersion: "projectcalico.org/v3",
  kind: "WorkloadEndpoint",
  metadata: { namespace: "default", name: "node1-k8s-a-eth0" },
  spec: { orchestrator: "k8s", node: "node1", pod: "a", endpoint: "eth0", containerID: "c" },
};
const { containerID: _none, ...notWired } = endpoint.spec;
const noContainer = { ...endpoint, spec: { ...notWired, ipNetworks: ["10.0.0.1/32"] } };
const withAddress = { ...endpoint, spec: { ...endpoint.spec, ipNetworks: ["10.0.0.1/32"] } };

const cases: { name: string; has: { information?: true; affinity?: true; endpoint?: object }; what: string | null }[] =
  [
    { name: "a cluster that lives", has: { information: true, affinity: true, endpoint: withAddress }, what: null },
    { name: "one without pods yet", has: { information: true }, what: null },
    { name: "one whose pods have no address yet", has: { information: true, endpoint }, what: null },
    { name: "one whose pods another network wired", has: { information: true, endpoint: noContainer }, what: null },
    { name: "one without its information", has: { affinity: true, endpoint: withAddress }, what: "all" },
    { name: "one without a block, and with pods", has: { information: true, endpoint: withAddress }, what: "routing" },
  ];
for (const { name, has, what } of cases) {
  it(`says of ${name}: ${what ?? "nothing"}`, () => {
    const state = new ClusterState();
    if (has.information) state.receive({ kind: "ClusterInformation", name: "default" }, information as never);
    if (has.affinity)
      state.receive({ kind: "BlockAffinity", name: "host:node2/10.0.0.0/26" }, { state: "confirmed", deleted: false });
    if (has.endpoint) {
      const key = { kind: "WorkloadEndpoint", namespace: "default", name: "node1-k8s-a-eth0" } as const;
      state.receive(key, has.endpoint as never);
    }
    expect(tearDown(state)?.what ?? null).toBe(what);
  });
}
