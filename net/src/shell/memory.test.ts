import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { giveBackMemory } from "./memory.ts";

const blockBytes = 4_000; // Small enough that the C library keeps it in its heap.
const blocks = 25_000;

describe("giveBackMemory", () => {
  it("gives back what lies free below a block that is still used", () => {
    // What another thread of this process takes meanwhile counts against it.
    const rounds = Array.from({ length: 3 }, givenBack);
    assert.ok(Math.max(...rounds) > (blocks * blockBytes) / 2, `${rounds} bytes were given back`);
  });
});

function givenBack(): number {
  const kept = heldBelow();
  const beforeBytes = process.memoryUsage.rss();
  giveBackMemory();
  const givenBackBytes = beforeBytes - process.memoryUsage.rss();
  assert.equal(kept.length, blockBytes);
  return givenBackBytes;
}

function heldBelow(): Buffer {
  const all = Array.from({ length: blocks }, () => Buffer.alloc(blockBytes, 1));
  return all.at(-1) ?? Buffer.alloc(0);
}
