import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import { it } from "vitest";
import { ZeroedMemory } from "./zeroedMemory.ts";

const mebibyte = 2 ** 20;

it("gives a small table nothing, and reads nothing for it", () => {
  const memory = new ZeroedMemory();
  for (let i = 0; i < 7; i++) assert.equal(memory.take(mebibyte), null);
});

it("hands out zeros, each to one owner, beyond the end of a region", async () => {
  const memory = new ZeroedMemory();
  // Not a part of a region, so that pieces end where none does.
  const bytes = 1_441_792;
  const zeros = Buffer.alloc(bytes);
  const pieces: Buffer[] = [];
  while (pieces.length * bytes < 70 * mebibyte) {
    const taken = memory.take(bytes);
    if (!taken) {
      await nextTurn();
      continue;
    }
    const piece = Buffer.from(taken.buffer, taken.start, bytes);
    assert.ok(piece.equals(zeros), `piece ${pieces.length} is not of zeros`);
    pieces.push(piece.fill(pieces.length + 1));
  }
  assert.equal(memory.handedOut, pieces.length * bytes);
  for (const [i, piece] of pieces.entries()) assert.ok(piece.equals(zeros.fill(i + 1)), `piece ${i} has another owner`);
  assert.ok(new Set(pieces.map(({ buffer }) => buffer)).size > 1);
});
