import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { giveBackMemory } from "./memory.ts";

const blockBytes = 4_000; // Small enough that the C library keeps it in its heap.
const blocks = 25_000;

describe("giveBackMemory", () => {
  it("gives back what lies free below a block that is still used", () => {
    const kept = heldBelow();
    const beforeBytes = process.memoryUsage.rss();
    giveBackMemory();
    const givenBackBytes = beforeBytes - process.memoryUsage.rss();
    assert.equal(kept.length, blockBytes);
    assert.ok(givenBackBytes > (blocks * blockBytes) / 2, `${givenBackBytes} bytes were given back`);
  });
});

function heldBelow(): Buffer {
  const all = Array.from({ length: blocks }, () => Buffer.alloc(blockBytes, 1));
  return all.at(-1) ?? Buffer.alloc(0);
}
