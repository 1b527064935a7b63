import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { MemoryData } from "./memoryData.ts";

describe("MemoryData", () => {
  it("has no history from before a snapshot was restored", () => {
    const data = new MemoryData();
    data.writeText("/a", "{}");
    const before = data.revision;
    data.writeText("/b", "{}");
    data.restore(data.snapshot());
    assert.equal(data.changesAfter(before), null);
    assert.deepEqual(data.changesAfter(data.revision), []);
  });
});
