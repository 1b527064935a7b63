/** Names of chains are cut hashes. What if two were the same: nothing is changed, and it is said of whom they are. */
import assert from "node:assert/strict";
import type * as crypto from "node:crypto";
import { describe, it, vi } from "vitest";
import { PolicyGraph } from "../graph/policyGraph.ts";
import { endpointSample, globalPolicySample, namespaceProfileSample } from "../sampleCluster.ts";
import { plan } from "./plan.ts";

/** All texts that begin with "twin" have one hash. */
vi.mock("node:crypto", async (original) => {
  const { createHash } = await original<typeof crypto>();
  return {
    createHash: (algorithm: string) => ({
      update: (text: string) => createHash(algorithm).update(text.startsWith("twin") ? "twin" : text),
    }),
  };
});

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
