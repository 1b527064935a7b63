import assert from "node:assert/strict";
import type { WorkloadEndpoint } from "@brindle/api";
import { formatPrefix } from "@brindle/net";
import { describe, it } from "vitest";
import { ClusterState } from "./clusterState.ts";
import { clusterView } from "./clusterView.ts";

const apiVersion = "projectcalico.org/v3";

/** In the order in which a watch may tell it, each twice. */
function told(backwards: boolean): ClusterState {
  const state = new ClusterState();
  const tell = [
    () =>
      state.receive(
        { kind: "Node", name: "node1" },
        { apiVersion, kind: "Node", metadata: { name: "node1", labels: { rack: "r1" } }, spec: {} },
      ),
    () =>
      state.receive(
        { kind: "IPPool", name: "pods" },
        { apiVersion, kind: "IPPool", metadata: { name: "pods" }, spec: { cidr: "10.0.0.0/16" } },
      ),
    () =>
      state.receive(
        { kind: "IPReservation", name: "gateways" },
        {
          apiVersion,
          kind: "IPReservation",
          metadata: { name: "gateways" },
          spec: { reservedCIDRs: ["10.0.0.0/30"] },
        },
      ),
    () => state.receive({ kind: "IPAMConfig", name: "default" }, { strict_affinity: true, maxBlocksPerHost: 2 }),
  ];
  for (const event of backwards ? [...tell, ...tell].toReversed() : [...tell, ...tell]) event();
  return state;
}

describe("clusterView", () => {
  for (const backwards of [false, true]) {
    it(`is what was told, ${backwards ? "last first" : "in order"}`, () => {
      const view = clusterView("node1", told(backwards));
      assert.deepEqual(
        view.pools.map(({ metadata }) => metadata.name),
        ["pods"],
      );
      assert.deepEqual(view.nodeLabels, { rack: "r1" });
      assert.deepEqual(view.reserved.map(formatPrefix), ["10.0.0.0/30"]);
      assert.deepEqual(view.settings, {
        strictAffinity: true,
        autoAllocateBlocks: false,
        blocksPerNodeMax: 2,
        restSeconds: 0,
      });
      assert.deepEqual(view.rank?.(), { index: 0, of: 1 });
    });
  }

  it("falls back to the resource, and to the defaults, when what went first is gone", () => {
    const state = told(false);
    const configuration = { apiVersion, kind: "IPAMConfiguration", metadata: { name: "default" } } as const;
    state.receive({ kind: "IPAMConfiguration", name: "default" }, { ...configuration, spec: { strictAffinity: true } });
    state.receive({ kind: "IPAMConfig", name: "default" }, null);
    state.receive({ kind: "IPReservation", name: "gateways" }, null);
    const { reserved, settings } = clusterView("node1", state);
    assert.deepEqual(reserved, []);
    assert.deepEqual(settings, {
      strictAffinity: true,
      autoAllocateBlocks: true,
      blocksPerNodeMax: 20,
      restSeconds: 0,
    });
    state.receive({ kind: "IPAMConfiguration", name: "default" }, null);
    assert.equal(clusterView("node1", state).settings.strictAffinity, false);
  });

  it("takes for reserved what pods have past address management, as long as they have it", () => {
    const state = told(false);
    const key = { kind: "WorkloadEndpoint", namespace: "shop", name: "node2-k8s-web-eth0" } as const;
    const annotations = { "cni.projectcalico.org/ipAddrsNoIpam": '["192.0.2.9"]' };
    const endpoint: WorkloadEndpoint = {
      ...{
        apiVersion: "projectcalico.org/v3",
        kind: key.kind,
        metadata: { namespace: key.namespace, name: key.name, annotations },
      },
      spec: { orchestrator: "k8s", node: "node2", endpoint: "eth0", ipNetworks: ["192.0.2.9/32", "10.0.0.77/32"] },
    };
    const reserved = () => clusterView("node1", state).reserved.map(formatPrefix);
    state.receive(key, endpoint);
    assert.deepEqual(reserved(), ["10.0.0.0/30", "192.0.2.9/32"]);
    state.receiveUnreadable(key, null, { spec: { ipNetworks: ["192.0.2.9/32"], node: 7 } });
    assert.deepEqual(reserved(), ["10.0.0.0/30", "192.0.2.9/32"]);
    state.receive(key, { ...endpoint, spec: { ...endpoint.spec, ipNetworks: ["10.0.0.77/32"] } });
    assert.deepEqual(reserved(), ["10.0.0.0/30"]);
    state.receive(key, endpoint);
    state.receive(key, null);
    assert.deepEqual(reserved(), ["10.0.0.0/30"]);
  });
});
