import assert from "node:assert/strict";
import { validate } from "@brindle/api";
import { describe, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { parseBlock } from "./blocks.ts";
import { fabricResources, ingressPolicy } from "./resources.ts";
import { labFabric } from "./topology/fabric.ts";
import { planFabric } from "./topology/plan.ts";

describe("what the lab's operator writes", () => {
  const written =
    fabricResources(labFabric, planFabric(labFabric)) +
    "---\n" +
    ingressPolicy({ name: "web", selector: "app == 'web'", from: "app == 'api'" });
  const documents = parseAllDocuments(written).map((document): unknown => document.toJS());

  it.each(documents.map((document) => ({ document })))(
    "is valid: $document.kind $document.metadata.name",
    ({ document }) => {
      const result = validate(document);
      assert.equal(result.kind, "valid", JSON.stringify(result));
    },
  );
});

describe("a block out of etcd", () => {
  it("has in use the addresses of its slots that are not null", () => {
    const block = { cidr: "10.244.1.64/30", affinity: "host:node1", allocations: [null, 0, null, 1] };
    assert.deepEqual(parseBlock(block), {
      cidr: "10.244.1.64/30",
      node: "node1",
      allocated: ["10.244.1.65", "10.244.1.67"],
    });
  });
});
