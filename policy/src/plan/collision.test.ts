/** Names of chains are cut hashes. What if two were the same: nothing is changed, and it is said of whom they are. */
import assert from "node:assert/strict";
import type * as crypto from "node:crypto";
import { describe, it, vi } from "vitest";
import type * as graphModule from "../graph/policyGraph.ts";
import { endpointSample, globalPolicySample, namespaceProfileSample } from "../sampleCluster.ts";
import type * as planModule from "./plan.ts";

/** The modules of these tests alone: to them all texts that begin with "twin" have one hash. */
async function modulesWithTwins(): Promise<[typeof graphModule, typeof planModule]> {
  vi.resetModules();
  vi.doMock("node:crypto", async (original) => {
    const actual = await original<typeof crypto>();
    const hash = (algorithm: string, text: string, encoding: "base64url"): string =>
      actual.hash(algorithm, text.startsWith("twin") ? "twin" : text, encoding);
    return { ...actual, hash };
  });
  try {
    return [await import("../graph/policyGraph.ts"), await import("./plan.ts")];
  } finally {
    vi.doUnmock("node:crypto");
    vi.resetModules();
  }
}

const [{ PolicyGraph }, { plan }] = await modulesWithTwins();

function planned(...names: readonly string[]): () => unknown {
  const graph = new PolicyGraph({ node: "node1" });
  const policies = names.map((name, index) =>
    globalPolicySample(name, { types: ["Ingress"], ingress: [{ action: index === 0 ? "Allow" : "Deny" }] }),
  );
  for (const value of [
    namespaceProfileSample("default"),
    endpointSample("web", { addresses: ["10.0.0.1"] }),
    ...policies,
  ]) {
    graph.receive({ key: { kind: value.kind, ...value.metadata }, value });
  }
  return () => plan(graph.desired(), { tables: [], sets: new Map() });
}

const long = "-with-a-name-that-is-too-long-for-a-chain";

describe("policies whose chains have one name", () => {
  it("are refused, and told", () => {
    assert.throws(planned(`twin-a${long}`, `twin-b${long}`), {
      message: new RegExp(
        `two owners have one chain: BRDL-pi-_\\S+ of GlobalNetworkPolicy twin-a${long} ingress 0 and GlobalNetworkPolicy twin-b${long} ingress 0$`,
      ),
    });
  });

  it("are not to be mistaken for those whose hashes differ", () => {
    assert.doesNotThrow(planned(`twin-a${long}`, `other${long}`));
  });
});
