import {
  type Item,
  type Key,
  MemoryData,
  MemoryStore,
  nodesAnnotation,
  type Store,
  type WatchEvent,
} from "@brindle/api";
import { formatPrefix } from "@brindle/net";
import { policyKinds } from "@brindle/policy";
import { describe, expect, it } from "vitest";
import { clusterKinds } from "../graph/clusterState.ts";
import { clusterView } from "../graph/clusterView.ts";
import { ClusterSync, type ClusterSyncPorts } from "./clusterSync.ts";

/** A store that does its work when it is told to. */
function storeByHand(data: MemoryData): { readonly store: MemoryStore; readonly settle: () => void } {
  const waiting: (() => void)[] = [];
  const store = new MemoryStore({ data, schedule: (work) => waiting.push(work) });
  const settle = () => {
    for (let work = waiting.shift(); work; work = waiting.shift()) work();
  };
  return { store, settle };
}

const nobody: ClusterSyncPorts = {
  onPolicy: () => {},
  onInSync: () => {},
  onChanged: () => {},
  onConnection: () => {},
  onTrouble: () => {},
};

/** One that hears what the test tells it, as of a store's watch. */
function toldByHand(ports: Partial<ClusterSyncPorts> = {}) {
  const cluster = new ClusterSync("node1", { ...nobody, ...ports });
  let tell: (event: WatchEvent) => void = () => {};
  const watch: Store["watch"] = (_kinds, listener) => {
    tell = listener;
    return { stop: async () => {}, stalenessMs: () => null };
  };
  cluster.start(Object.assign(new MemoryStore(), { watch }));
  const change = (key: Key, value: unknown) =>
    tell({ type: "changed", item: { key, value, revision: "1" } as unknown as Item });
  return { cluster, tell, change };
}

describe("ClusterSync", () => {
  it("says that the datastore was set back, and that nothing is wrong otherwise", () => {
    const data = new MemoryData();
    const { store, settle } = storeByHand(data);
    const told: string[] = [];
    const cluster = new ClusterSync("node1", {
      ...nobody,
      onInSync: () => told.push("inSync"),
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

  it("tells apart pods of other nodes that get their addresses", async () => {
    const data = new MemoryData();
    const { store, settle } = storeByHand(data);
    const told: string[] = [];
    const cluster = new ClusterSync("node1", {
      ...nobody,
      onPolicy: ({ key }, isNewcomer) => key.kind === "WorkloadEndpoint" && told.push(`${key.name} ${isNewcomer}`),
    });
    const write = (node: string, pod: string, ipNetworks: string[]) => {
      const name = `${node}-k8s-${pod}-eth0`;
      const metadata = { namespace: "default", name };
      const spec = { node, orchestrator: "k8s", pod, endpoint: "eth0", ipNetworks };
      const value = { apiVersion: "projectcalico.org/v3", kind: "WorkloadEndpoint", metadata, spec } as const;
      const key = { kind: "WorkloadEndpoint", namespace: "default", name } as const;
      void store.commit([{ op: "put", key, value }]);
      settle();
    };
    write("node2", "old", ["10.0.0.1/32"]);
    cluster.start(store);
    settle();
    write("node2", "new", []);
    write("node2", "new", ["10.0.0.2/32"]);
    write("node2", "new", ["10.0.0.3/32"]);
    write("node2", "old", ["10.0.0.4/32"]);
    write("node1", "own", ["10.0.0.5/32"]);
    expect(told).toEqual([
      "node2-k8s-old-eth0 false",
      "node2-k8s-new-eth0 false",
      "node2-k8s-new-eth0 true",
      "node2-k8s-new-eth0 false",
      "node2-k8s-old-eth0 false",
      "node1-k8s-own-eth0 false",
    ]);
  });

  it("tells nobody of an object that is written as it was", async () => {
    const data = new MemoryData();
    const { store, settle } = storeByHand(data);
    let changes = 0;
    const policies: unknown[] = [];
    const cluster = new ClusterSync("node1", {
      ...nobody,
      onPolicy: ({ value }) => policies.push(value),
      onChanged: () => {
        changes += 1;
      },
    });
    cluster.start(store);
    settle();
    const key = { kind: "WorkloadEndpoint", namespace: "default", name: "node1-k8s-web-eth0" } as const;
    const write = async (address: string) => {
      const before = { changes, told: policies.length };
      const metadata = { namespace: "default", name: key.name };
      const spec = { node: "node1", orchestrator: "k8s", pod: "web", endpoint: "eth0", ipNetworks: [address] };
      const value = { apiVersion: "projectcalico.org/v3", kind: "WorkloadEndpoint", metadata, spec } as const;
      const written = store.commit([{ op: "put", key, value }]);
      settle();
      await written;
      return [changes - before.changes, policies.length - before.told];
    };
    expect(await write("10.0.0.1/32")).toEqual([1, 1]);
    expect(await write("10.0.0.1/32")).toEqual([0, 0]);
    expect(await write("10.0.0.2/32")).toEqual([1, 1]);
  });

  it("keeps the addresses of an endpoint that does not decode any more, and acts on it no longer", () => {
    const { cluster, tell } = toldByHand();
    const key = { kind: "WorkloadEndpoint", namespace: "default", name: "node2-k8s-web-eth0" } as const;
    const metadata = { namespace: "default", name: key.name };
    const spec = { node: "node2", orchestrator: "k8s", pod: "web", endpoint: "eth0", ipNetworks: ["10.0.0.1/32"] };
    const value = { apiVersion: "projectcalico.org/v3", kind: key.kind, metadata, spec } as const;
    const known = () =>
      [cluster.state.all("WorkloadEndpoint"), cluster.state.withheld.endpoints].map((endpoints) =>
        [...endpoints.values()].map((each) => each.spec.ipNetworks?.join()),
      );
    tell({ type: "changed", item: { key, value, revision: "1" as never } });
    tell({ type: "undecodable", key, reason: "spec.ipNATs is no list", partial: { spec: { ipNATs: 7 } } });
    expect(known()).toEqual([[], ["10.0.0.1/32"]]);
    tell({ type: "changed", item: { key, value, revision: "2" as never } });
    expect(known()).toEqual([["10.0.0.1/32"], []]);
    tell({ type: "undecodable", key, reason: "spec.ipNATs is no list" });
    tell({ type: "deleted", key } as WatchEvent);
    expect(known()).toEqual([[], []]);
  });

  it("keeps what is reserved and how long addresses rest while that does not decode", () => {
    const { cluster, tell, change } = toldByHand();
    const acted = () => {
      const { reserved, settings } = clusterView("node1", cluster.state);
      return [reserved.map(formatPrefix).join(), settings.restSeconds, settings.autoAllocateBlocks];
    };
    const keys = [
      { kind: "IPReservation", name: "gateways" },
      { kind: "IPAMConfig", name: "default" },
      { kind: "IPAMConfiguration", name: "default" },
    ] as const;
    const apiVersion = "projectcalico.org/v3";
    const [reservationKey, configKey, configurationKey] = keys;
    const metadata = { name: reservationKey.name };
    const spec = { reservedCIDRs: ["10.0.0.0/30"] };
    const reservation = { apiVersion, kind: reservationKey.kind, metadata, spec } as const;
    const tear = () => {
      for (const key of keys) tell({ type: "undecodable", key, reason: "it is no JSON" });
    };
    tear();
    expect(acted()).toEqual(["0.0.0.0/0,::/0", Number.POSITIVE_INFINITY, true]);
    expect([...cluster.problems().keys()]).toEqual(keys.map(({ kind, name }) => `${kind} ${name}`));
    const stops = [{ code: "ReservationUnreadable", text: "IPReservation gateways: it is no JSON" }];
    expect(cluster.mistakes()).toEqual(stops);
    tear();
    expect(cluster.mistakes()).toEqual(stops);
    tell({
      type: "undecodable",
      key: reservationKey,
      reason: "7 is no network",
      partial: { spec: { reservedCIDRs: [7] } },
    });
    expect(cluster.mistakes()).toEqual([]);
    change(reservationKey, { ...reservation, spec: { reservedCIDRs: ["0.0.0.0/0", "::/0"] } });
    expect([cluster.mistakes(), acted()[0]]).toEqual([[], "0.0.0.0/0,::/0"]);
    change(reservationKey, reservation);
    change(configKey, { ipCooldownSeconds: 30 });
    for (let i = 0; i < 2; i++) {
      tear();
      expect(acted()).toEqual(["10.0.0.0/30", 30, false]);
    }
    tell({ type: "deleted", key: configKey } as WatchEvent);
    expect(acted()[1]).toBe(Number.POSITIVE_INFINITY);
    change(configurationKey, { apiVersion, kind: "IPAMConfiguration", metadata, spec: { ipCooldownSeconds: 60 } });
    tear();
    tell({ type: "deleted", key: configKey } as WatchEvent);
    expect(acted()[1]).toBe(60);
    for (const key of keys) tell({ type: "deleted", key } as WatchEvent);
    expect(acted()).toEqual(["", 0, true]);
  });

  it("tells policies about nodes anew as these change, and none that a node cannot be read", () => {
    const told: unknown[] = [];
    const { tell, change } = toldByHand({
      onPolicy: ({ value }) =>
        value?.kind === "GlobalNetworkPolicy" && told.push(value.spec.egress?.map((rule) => rule.destination?.nets)),
    });
    for (const kind of [...clusterKinds, ...policyKinds]) tell({ type: "inSync", kind });
    const node: Key<"Node"> = { kind: "Node", name: "node2" };
    const rule = { action: "Deny", metadata: { annotations: { [nodesAnnotation]: "all()" } } };
    const guard: Key<"GlobalNetworkPolicy"> = { kind: "GlobalNetworkPolicy", name: "guard" };
    change(guard, { kind: "GlobalNetworkPolicy", metadata: { name: "guard" }, spec: { egress: [rule] } });
    change(node, { kind: "Node", metadata: { name: "node2" }, spec: { addresses: [{ address: "10.9.0.2" }] } });
    tell({ type: "undecodable", key: node, reason: "it is no JSON" });
    expect(told).toEqual([[], [["10.9.0.2/32"]]]);
    tell({ type: "deleted", key: node } as WatchEvent);
    expect(told.at(-1)).toEqual([]);
  });
});
