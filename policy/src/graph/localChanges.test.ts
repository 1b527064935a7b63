import type { WorkloadEndpoint } from "@brindle/api";
import { expect, it } from "vitest";
import { endpointSample, namespaceProfileSample, policySample, tierSample } from "../sampleCluster.ts";
import { seededNumbers } from "../seededNumbers.ts";
import { PolicyGraph, type PolicyResource, type PolicyUpdate } from "./policyGraph.ts";

const runs = 12;
const steps = 30;

/** Some share an interface, some an address, which are too many for a set at times. */
function randomPod(below: (n: number) => number): WorkloadEndpoint {
  const index = below(64);
  const addresses = [
    ...(below(12) > 0 ? [below(8) > 0 ? "10.0.9.9" : `10.0.0.${below(20)}`] : []),
    ...(below(3) === 0 ? [`fd00::${below(20)}`] : []),
  ];
  const labels = { app: `app${below(3)}`, ...(below(4) === 0 && { tier: "web" }) };
  const { spec, ...rest } = endpointSample(`pod${index}`, {
    labels,
    addresses,
    node: below(24) === 0 ? "node2" : "node1",
  });
  const interfaceName = below(10) === 0 ? `calipod${below(64)}` : `calipod${index}`;
  return {
    ...rest,
    spec: {
      ...spec,
      interfaceName,
      ...(below(10) === 0 && { allowSpoofedSourcePrefixes: ["198.51.100.0/24", "10.0.9.9/32"] }),
      ...(below(10) === 0 && { qosControls: { ingressPacketRate: 100, dscp: 10 + below(2) } }),
    },
  };
}

function randomResource(below: (n: number) => number): PolicyResource {
  const kind = below(10);
  if (kind === 0) return namespaceProfileSample("default", { team: `${below(2)}` });
  if (kind === 1) return tierSample("edge", { order: below(2) * 2e6, defaultAction: "Pass" });
  if (kind > 3) return randomPod(below);
  return policySample(`policy${below(3)}`, {
    selector: below(2) === 0 ? `app == 'app${below(3)}'` : "tier == 'web'",
    tier: below(3) === 0 ? "edge" : "default",
    types: below(2) === 0 ? ["Ingress"] : ["Ingress", "Egress"],
    ingress: [{ action: "Allow", source: { selector: `app == 'app${below(3)}'` } }],
  });
}

function randomUpdate(below: (n: number) => number): PolicyUpdate {
  const value = randomResource(below);
  const { name, namespace } = value.metadata;
  const key = { kind: value.kind, name, ...(namespace === undefined ? {} : { namespace }) };
  return { key, value: below(4) === 0 ? null : value };
}

function comparable(graph: PolicyGraph): unknown {
  const { tables, sets, endpoints, problems } = graph.desired();
  const members = [...sets.values()].map((set) => ({ ...set, members: [...set.members.keys()].sort() }));
  return {
    tables,
    sets: members.sort((a, b) => (a.name < b.name ? -1 : 1)),
    endpoints: [...endpoints],
    problems: [...problems],
  };
}

it("makes of what comes and goes, one after the other or some at once, what a graph made afresh does", () => {
  const seen = { crowded: 0, clashing: 0 };
  for (let run = 0; run < runs; run++) {
    const below = seededNumbers(run);
    const keepsDeparted = run % 2 === 0;
    const graph = new PolicyGraph({ node: "node1", keepsDeparted });
    const told = new Map<string, PolicyUpdate>();
    let settings: Parameters<PolicyGraph["setFilterSettings"]>[0] = {};
    for (let step = 0; step < steps; step++) {
      for (let count = 1 + below(step === 10 ? 200 : 3); count > 0; count--) {
        const update = randomUpdate(below);
        told.set(JSON.stringify(update.key), update);
        graph.receive(update);
      }
      if (below(8) === 0) {
        const sourceSpoofing = below(2) === 0 ? "Any" : "Disabled";
        settings = {
          sourceSpoofing,
          encapsulation: { vxlan: below(2) === 0 ? "Drop" : "Allow", ipip: "Drop", vxlanPort: 4789 },
        };
        graph.setFilterSettings(settings);
      }
      graph.desired();
      if (keepsDeparted && below(3) > 0) continue;
      while (graph.forgetDeparted()) graph.desired();
      if (keepsDeparted && graph.forgetDeparted()) graph.desired();
      const fresh = new PolicyGraph({ node: "node1" });
      fresh.setFilterSettings(settings);
      for (const update of [...told.values()].reverse()) fresh.receive(update);
      const wanted = fresh.desired();
      const local = [...told.values()].filter(
        ({ value }) =>
          value?.kind === "WorkloadEndpoint" && value.spec.node === "node1" && value.spec.ipNetworks?.length,
      );
      const holders = [...wanted.endpoints.values()].filter(({ addresses }) =>
        addresses.some(({ value }) => value === 0x0a000909n),
      );
      if (holders.length === 32) seen.crowded += 1;
      if (wanted.endpoints.size < local.length) seen.clashing += 1;
      expect({ run, step, is: comparable(graph) }).toEqual({ run, step, is: comparable(fresh) });
    }
  }
  // Else it were about nothing.
  expect(Math.min(seen.crowded, seen.clashing)).toBeGreaterThan(10);
});
