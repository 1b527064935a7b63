import assert from "node:assert/strict";
import type { QosControls, WorkloadEndpoint } from "@brindle/api";
import { describe, it } from "vitest";
import { ruleText } from "../render/ruleArguments.ts";
import { endpointSample, namespaceProfileSample } from "../sampleCluster.ts";
import { PolicyGraph } from "./policyGraph.ts";

const plain = endpointSample("web", { labels: {}, addresses: ["10.0.0.2", "fd00::2"] });
const limited = (qosControls: QosControls, endpoint = plain): WorkloadEndpoint => ({
  ...endpoint,
  spec: { ...endpoint.spec, qosControls },
});

function graphWith(...endpoints: WorkloadEndpoint[]): PolicyGraph {
  const graph = new PolicyGraph({ node: "node1" });
  for (const value of [namespaceProfileSample("default"), ...endpoints]) tell(graph, value);
  return graph;
}

function tell(graph: PolicyGraph, value: Parameters<PolicyGraph["receive"]>[0]["value"] & object): void {
  const { kind, metadata } = value;
  const { name, namespace } = metadata;
  graph.receive({ key: { kind, name, ...(namespace !== undefined && { namespace }) }, value });
}

/** Of each family, the matches of chains of limits that tell how much. */
function limitsOf(graph: PolicyGraph): string[] {
  return graph.desired().tables.flatMap(({ family, table, content }) =>
    content.chains
      .filter(({ name }) => table === "filter" && /^BRDL-l[pc]/.test(name))
      .flatMap(({ name, rules }) =>
        rules.flatMap(({ matches }) =>
          matches.flatMap((match) => {
            if (match.kind === "rate") return [`${family} ${name} ${match.rate} ${match.burst}`];
            return match.kind === "connections" ? [`${family} ${name} ${match.above}`] : [];
          }),
        ),
      ),
  );
}

const name = plain.spec.interfaceName;

describe("an endpoint's limits of packets and connections", () => {
  it("are in the chains of its families, whichever comes first", () => {
    const controls = { ingressPacketRate: 100, egressMaxConnections: 2 };
    const wanted = [4, 6].flatMap((family) => [`${family} BRDL-lce-${name} 2`, `${family} BRDL-lpi-${name} 100/sec 5`]);
    assert.deepEqual(limitsOf(graphWith(limited(controls))), wanted);
    const late = graphWith(plain);
    assert.deepEqual(limitsOf(late), []);
    tell(late, limited(controls));
    assert.deepEqual(limitsOf(late), wanted);
    tell(late, limited({ ...controls, ingressPacketRate: 50, ingressPacketBurst: 9 }));
    assert.deepEqual(limitsOf(late)[1], `4 BRDL-lpi-${name} 50/sec 9`);
    tell(late, limited({ ingressBandwidth: 1_000 }));
    assert.deepEqual(limitsOf(late), []);
  });

  it("go with it", () => {
    const graph = graphWith(limited({ egressPacketRate: 7 }));
    assert.equal(limitsOf(graph).length, 2);
    const { namespace, name: ofEndpoint } = plain.metadata;
    graph.receive({ key: { kind: "WorkloadEndpoint", name: ofEndpoint, namespace: namespace ?? "" }, value: null });
    assert.deepEqual(limitsOf(graph), []);
  });

  it("are another node's business where it is there", () => {
    const elsewhere = endpointSample("far", { labels: {}, addresses: ["10.0.1.1"], node: "node2" });
    assert.deepEqual(limitsOf(graphWith(limited({ egressPacketRate: 7 }, elsewhere))), []);
  });

  it("leave the tables of a node without any as they were", () => {
    const graph = graphWith(plain);
    const { tables } = graph.desired();
    tell(graph, limited({ egressBandwidth: 1_000 }));
    assert.equal(graph.desired().tables, tables);
  });
});

describe("an endpoint's codepoint", () => {
  const rulesOf = (graph: PolicyGraph): string[] =>
    graph
      .desired()
      .tables.flatMap(({ family, table, content }) =>
        table !== "mangle"
          ? []
          : [
              ...content.hooks.map(({ chain }) => `${family} ${chain}`),
              ...content.chains.flatMap(({ rules }) => rules.map((rule) => ruleText(rule, family, (set) => set))),
            ],
      );
  const pool = (cidr: string): Parameters<typeof tell>[1] => ({
    ...{ apiVersion: "projectcalico.org/v3", kind: "IPPool", metadata: { name: "pods" } },
    spec: { cidr },
  });

  it("is set on what leaves the ranges of pods, by its address, and goes with what asks for it", () => {
    const graph = graphWith(limited({ dscp: "AF11" }));
    tell(graph, pool("10.0.0.0/8"));
    const wanted = [
      ...["4 POSTROUTING", "-d 10.0.0.0/8 -j RETURN", "-s 10.0.0.2/32 -j DSCP --set-dscp 10"],
      ...["6 POSTROUTING", "-s fd00::2/128 -j DSCP --set-dscp 10"],
    ];
    assert.deepEqual(rulesOf(graph), wanted);
    const { tables } = graph.desired();
    tell(graph, limited({ dscp: 10, egressBandwidth: 1_000 }));
    assert.equal(graph.desired().tables, tables);
    tell(graph, limited({ dscp: 46 }));
    assert.equal(rulesOf(graph).at(-1), "-s fd00::2/128 -j DSCP --set-dscp 46");
    for (const dscp of [64, "AF14"]) {
      tell(graph, limited({ dscp }));
      assert.deepEqual(rulesOf(graph), []);
    }
  });

  it("is another node's business where it is there", () => {
    const elsewhere = endpointSample("far", { labels: {}, addresses: ["10.0.1.1"], node: "node2" });
    assert.deepEqual(rulesOf(graphWith(limited({ dscp: 46 }, elsewhere))), []);
  });
});
