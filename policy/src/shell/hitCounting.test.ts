import { apiVersion, type GlobalPolicySpec, type HostEndpoint } from "@brindle/api";
import { describe, expect, it } from "vitest";
import type { Desired } from "../graph/desired.ts";
import { PolicyGraph, type PolicyResource } from "../graph/policyGraph.ts";
import type { Commit } from "../plan/plan.ts";
import { endpointSample, globalPolicySample, namespaceProfileSample } from "../sampleCluster.ts";
import { HitCounting, type HitSource } from "./hitCounting.ts";

const uplink: HostEndpoint = {
  apiVersion,
  kind: "HostEndpoint",
  metadata: { name: "uplink", labels: { role: "uplink" } },
  spec: { node: "node1", interfaceName: "eth0" },
};
const closed = globalPolicySample("closed", {
  selector: "has(role)",
  ingress: [{ action: "Allow", protocol: "TCP", destination: { ports: [80] } }],
});

function desired(...resources: readonly PolicyResource[]): Desired {
  return graphOf(...resources).desired();
}

function graphOf(...resources: readonly PolicyResource[]): PolicyGraph {
  const graph = new PolicyGraph({ node: "node1" });
  for (const value of resources) {
    const { name, namespace } = value.metadata;
    graph.receive({ key: { kind: value.kind, name, ...(namespace !== undefined && { namespace }) }, value });
  }
  return graph;
}

/** Each rule of IPv4 has counted `packets`, which may grow. */
function counting(of: Desired): { readonly source: HitSource; packets: number } {
  const counted = { packets: 1 };
  const chainsOf = (name: string) =>
    of.tables.find(({ family, table }) => family === 4 && table === name)?.content.chains ?? [];
  const source: HitSource = {
    family: 4,
    readsSingleChains: true,
    read: async (names, table = "filter") =>
      chainsOf(table)
        .filter(({ name }) => names?.includes(name) ?? true)
        .flatMap(({ name, rules }) => rules.map(({ comment }) => ({ chain: name, comment, packets: counted.packets }))),
  };
  return Object.assign(counted, { source });
}

describe("the counting of hits", () => {
  const state = desired(
    namespaceProfileSample("default"),
    endpointSample("web", { addresses: ["10.0.0.1"], labels: { role: "web" } }),
    uplink,
    closed,
  );
  const rows = async (hits: HitCounting, of = state): Promise<string[]> =>
    (await hits.read(() => of)).map((row) =>
      row.kind === "rule"
        ? `${row.owner.name} ${row.direction} ${row.rule}: ${row.hits}${row.counts === "packets" ? " packets" : ""}`
        : `${row.endpoints.join()} ${row.direction}, ${row.reason}: ${row.hits}`,
    );
  const made = (source: HitSource): HitCounting => {
    return new HitCounting({ sources: [source], nowMs: () => 0, onFailure: (error) => expect.fail(String(error)) });
  };

  it("names what no rule decided by the pod, or by the host endpoint", async () => {
    const all = await rows(made(counting(state).source));
    expect(all).toContain("closed Ingress 0: 1");
    expect(all).toContain("default/web Ingress, no policy allows it: 1");
    expect(all).toContain("HostEndpoint uplink Ingress, no policy allows it: 1");
    expect(all).toContain("HostEndpoint uplink Egress, no profile allows it: 1");
  });

  it("goes on from what other tables had counted, of which nobody had asked", async () => {
    const world = counting(state);
    const hits = made(world.source);
    world.packets = 5;
    await hits.beforeMove(() => state);
    world.packets = 7;
    expect(await rows(hits)).toContain("closed Ingress 0: 12");
  });

  describe("of policies that are asked before the filter", () => {
    const early = (name: string, spec: GlobalPolicySpec): PolicyResource =>
      globalPolicySample(name, { applyOnForward: true, ingress: [{ action: "Allow" }], ...spec });
    const untracked = early("flood", { doNotTrack: true, ingress: [{ action: "Deny", protocol: "UDP" }] });
    const before = early("knock", { preDNAT: true });
    const told = desired(uplink, untracked, before);

    it("is of flows before DNAT, and of packets before connections are tracked", async () => {
      const all = await rows(made(counting(told).source), told);
      expect(all.filter((row) => !row.startsWith("HostEndpoint"))).toEqual([
        "knock Ingress 0: 1",
        "flood Ingress 0: 1 packets",
      ]);
      // Of the filter, and of what comes before DNAT.
      expect(await made(counting(told).source).totals(() => told)).toEqual({ allow: 2, deny: 2, pass: 2 });
    });

    it("survives that their chains are filled anew", async () => {
      const world = counting(told);
      const hits = made(world.source);
      const commits = told.tables.flatMap(({ family, table, content }) =>
        content.chains.map(({ name }): Commit => {
          const transaction = { table, chains: [{ name, rules: [] }] };
          return { family, transaction, fresh: new Set() };
        }),
      );
      world.packets = 5;
      const over = await hits.beforeCommits(commits, told);
      over(true);
      world.packets = 2;
      expect(await rows(hits, told)).toEqual(
        expect.arrayContaining(["knock Ingress 0: 7", "flood Ingress 0: 7 packets"]),
      );
    });
  });

  it.each(["Drop", "Reject"] as const)(
    "takes each rule in which a denial may end, and no other, with %s",
    async (denyAction) => {
      const graph = graphOf(endpointSample("web", { addresses: ["10.0.0.1"] }));
      graph.setFilterSettings({ denyAction, deniedFlowsPerSecond: 100 });
      const ended = graph.desired();
      const totals = await made(counting(ended).source).totals(() => ended);
      // Each rule has counted one packet.
      expect(totals).toEqual({ allow: 1, deny: denyAction === "Drop" ? 1 : 2, pass: 1 });
    },
  );
});
