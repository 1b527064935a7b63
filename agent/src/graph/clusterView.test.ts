import assert from "node:assert/strict";
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
});
