import assert from "node:assert/strict";
import type { BGPFilter, BGPPeer, Key, WorkloadEndpoint } from "@brindle/api";
import { describe, it } from "vitest";
import { ClusterState, isClusterKey } from "./clusterState.ts";

const apiVersion = "projectcalico.org/v3";
const key: Key<"BGPPeer"> = { kind: "BGPPeer", name: "tor" };

function peer(spec: BGPPeer["spec"]): BGPPeer {
  return { apiVersion, kind: "BGPPeer", metadata: { name: "tor" }, spec };
}

const plain = peer({ peerIP: "172.30.1.1", asNumber: 65_001 });
const withKeepalives = peer({ ...plain.spec, keepaliveTime: "10s" });
const ofPods = peer({ localWorkloadSelector: "all()", asNumber: 65_002 });

describe("what a node knows of its cluster", () => {
  const stories: { name: string; told: (BGPPeer | null)[]; known: BGPPeer | null; problem: RegExp | null }[] = [
    {
      name: "is the newest value",
      told: [peer({ peerIP: "172.30.1.9", asNumber: 1 }), plain],
      known: plain,
      problem: null,
    },
    { name: "is nothing of what is gone", told: [plain, null], known: null, problem: null },
    {
      name: "is nothing that it cannot act on, and why",
      told: [plain, ofPods],
      known: null,
      problem: /^spec\.localWorkloadSelector: .* no node peers by this resource until it is removed$/,
    },
    {
      name: "is what it can act on without a field that nobody would miss",
      told: [plain, withKeepalives],
      known: withKeepalives,
      problem: null,
    },
    { name: "is well again once that is changed", told: [ofPods, plain], known: plain, problem: null },
    { name: "is no problem of what is gone", told: [ofPods, null], known: null, problem: null },
  ];
  for (const { name, told, known, problem } of stories) {
    it(`${name}, once or twice`, () => {
      const state = new ClusterState();
      for (const value of told) for (let times = 0; times < 2; times++) state.receive(key, value);
      assert.deepEqual([...state.all("BGPPeer").values()], known ? [known] : []);
      const problems = [...state.problems()];
      assert.deepEqual(
        problems.map(([object]) => object),
        problem ? ["BGPPeer tor"] : [],
      );
      if (problem) assert.match(problems[0]?.[1] ?? "", problem);
    });
  }

  it("names the filters that a peer asks for and that there are not, or that are not understood", () => {
    const state = new ClusterState();
    const filter = (spec: BGPFilter["spec"]): BGPFilter => ({
      apiVersion,
      kind: "BGPFilter",
      metadata: { name: "in" },
      spec,
    });
    const filterKey = { kind: "BGPFilter", name: "in" } as const;
    state.receive(key, peer({ peerIP: "172.30.1.9", asNumber: 1, filters: ["in"] }));
    const lacks = "spec.filters: in is missing or not understood: its sessions exchange no routes";
    assert.deepEqual([...state.problems()], [["BGPPeer tor", lacks]]);
    state.receive(filterKey, filter({ importV4: [{ action: "Reject" }] }));
    assert.deepEqual([...state.problems()], []);
    state.receive(filterKey, filter({ importV4: [{ action: "Reject", interface: "eth0" }] }));
    assert.deepEqual([...state.problems().keys()], ["BGPFilter in", "BGPPeer tor"]);
    state.receive(filterKey, null);
    assert.deepEqual([...state.problems()], [["BGPPeer tor", lacks]]);
  });

  it("tells objects of two namespaces apart", () => {
    const state = new ClusterState();
    for (const namespace of ["one", "two"]) {
      const value: WorkloadEndpoint = {
        apiVersion,
        kind: "WorkloadEndpoint",
        metadata: { name: "a", namespace },
        spec: { orchestrator: "k8s", node: "node1", endpoint: "eth0" },
      };
      state.receive({ kind: "WorkloadEndpoint", namespace, name: "a" }, value);
    }
    assert.deepEqual([...state.all("WorkloadEndpoint").keys()], ["one/a", "two/a"]);
  });

  it("has the endpoints of a node, whether they were told before they were asked for or after, and as they move and go", () => {
    const state = new ClusterState();
    const tell = (name: string, node: string | null): void => {
      const spec = node === null ? null : { orchestrator: "k8s", node, endpoint: "eth0" };
      const metadata = { name, namespace: "shop" };
      const value: WorkloadEndpoint | null = spec && { apiVersion, kind: "WorkloadEndpoint", metadata, spec };
      state.receive({ kind: "WorkloadEndpoint", namespace: "shop", name }, value);
    };
    const names = (node: string) => [...state.endpointsOf(node).keys()].sort();
    tell("a", "node1");
    tell("b", "node2");
    assert.deepEqual(names("node1"), ["shop/a"]);
    tell("c", "node1");
    tell("d", "node2");
    tell("b", "node1");
    assert.deepEqual(names("node1"), ["shop/a", "shop/b", "shop/c"]);
    tell("a", "node2");
    tell("c", null);
    assert.deepEqual(names("node1"), ["shop/b"]);
    assert.deepEqual(names("node2"), ["shop/a", "shop/d"]);
  });

  it("is of some kinds alone", () => {
    assert.equal(isClusterKey(key), true);
    assert.equal(isClusterKey({ kind: "IPAMHandle", name: "a" }), false);
  });
});
