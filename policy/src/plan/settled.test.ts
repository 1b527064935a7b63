import { describe, expect, it } from "vitest";
import type { Desired } from "../graph/desired.ts";
import { PolicyGraph, type PolicyResource } from "../graph/policyGraph.ts";
import { endpointSample, namespaceProfileSample, policySample } from "../sampleCluster.ts";
import { seededNumbers } from "../seededNumbers.ts";
import type { Actual } from "./actual.ts";
import { afterPlan } from "./afterPlan.ts";
import { type Plan, plan } from "./plan.ts";

const roles = ["a", "b", "c"];

/** Pods of this node and of another, and policies, of which any comes, goes or changes. */
function randomResource(below: (n: number) => number): PolicyResource {
  const role = roles[below(roles.length)] ?? "a";
  const other = roles[below(roles.length)] ?? "a";
  const name = String(below(12));
  if (below(3) > 0) {
    const node = Number(name) < 6 ? "node1" : "node2";
    return endpointSample(`pod${name}`, { labels: { role }, addresses: [`10.0.0.${1 + Number(name)}`], node });
  }
  const source = { selector: `role == '${other}'` };
  const ingress = [{ action: below(2) === 0 ? "Allow" : "Deny", source } as const];
  return policySample(`policy${name}`, { selector: `role == '${role}'`, ingress });
}

/** As it would be read back: of these objects nothing is known. */
function readBack({ tables, sets }: Actual): Actual {
  return { tables: tables.map((table) => ({ ...table })), sets };
}

/** A transaction does not depend on the order of its chains. */
function comparable({ names, before, commits, after }: Plan): unknown {
  const ordered = commits.map(({ family, transaction: { chains = [], deletedChains = [], ...rest } }) => ({
    family,
    ...rest,
    chains: chains.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    deletedChains: deletedChains.toSorted(),
  }));
  return { names, before, ordered, after };
}

describe("a plan for what is known", () => {
  it.each([1, 2, 3, 4])("is that for what was read back, whatever changes (%i)", (seed) => {
    const below = seededNumbers(seed);
    const graph = new PolicyGraph({ node: "node1", keepsDeparted: seed % 2 === 0 });
    const tell = (value: PolicyResource, isThere: boolean): void =>
      graph.receive({ key: { kind: value.kind, ...value.metadata }, value: isThere ? value : null });
    tell(namespaceProfileSample("default"), true);
    let actual: Actual = { tables: [], sets: new Map() };
    for (let step = 0; step < 60; step++) {
      for (let count = below(3); count >= 0; count--) tell(randomResource(below), below(4) > 0);
      if (below(8) === 0) graph.forgetDeparted();
      const desired: Desired = graph.desired();
      const toDo = plan(desired, actual);
      expect(comparable(toDo)).toEqual(comparable(plan(desired, readBack(actual))));
      actual = afterPlan(actual, toDo, desired, new Set());
    }
  });
});
