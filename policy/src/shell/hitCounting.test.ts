import { apiVersion, type HostEndpoint } from "@brindle/api";
import { describe, expect, it } from "vitest";
import type { Desired } from "../graph/desired.ts";
import { PolicyGraph, type PolicyResource } from "../graph/policyGraph.ts";
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

/** Each rule of the filter table of IPv4 has counted `packets`, which may grow. */
function counting(of: Desired): { readonly source: HitSource; packets: number } {
  const counted = { packets: 1 };
  const filter = of.tables.find(({ family, table }) => family === 4 && table === "filter");
  const source: HitSource = {
    family: 4,
    readsSingleChains: true,
    read: async (names) =>
      (filter?.content.chains ?? [])
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
  const rows = async (hits: HitCounting): Promise<string[]> =>
    (await hits.read(() => state)).map((row) =>
      row.kind === "rule"
        ? `${row.owner.name} ${row.direction} ${row.rule}: ${row.hits}`
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
