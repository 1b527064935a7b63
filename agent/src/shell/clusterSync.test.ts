import { MemoryData, MemoryStore } from "@brindle/api";
import { describe, expect, it } from "vitest";
import { ClusterSync } from "./clusterSync.ts";

/** A store that does its work when it is told to. */
function storeByHand(data: MemoryData): { readonly store: MemoryStore; readonly settle: () => void } {
  const waiting: (() => void)[] = [];
  const store = new MemoryStore({ data, schedule: (work) => waiting.push(work) });
  const settle = () => {
    for (let work = waiting.shift(); work; work = waiting.shift()) work();
  };
  return { store, settle };
}

describe("ClusterSync", () => {
  it("says that the datastore was set back, and that nothing is wrong otherwise", () => {
    const data = new MemoryData();
    const { store, settle } = storeByHand(data);
    const told: string[] = [];
    const cluster = new ClusterSync("node1", {
      onPolicy: () => {},
      onInSync: () => told.push("inSync"),
      onChanged: () => {},
      onConnection: (problem) => told.push(problem ?? "connected"),
      onTrouble: (trouble) => told.push(trouble),
    });
    const empty = data.snapshot();
    cluster.start(store);
    settle();
    void store.commit([{ op: "put", key: { kind: "IPAMConfig", name: "default" }, value: { strict_affinity: true } }]);
    settle();
    expect(told).toEqual(["inSync"]);
    data.restore(empty);
    settle();
    expect(told).toEqual(["inSync", "setBack"]);
    expect(cluster.state.all("IPAMConfig").size).toBe(0);
  });
});
