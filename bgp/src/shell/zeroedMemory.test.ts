import assert from "node:assert/strict";
import { readdir, readlink } from "node:fs/promises";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { expect, it } from "vitest";
import { AttrTable } from "../rib/attrTable.ts";
import { TableMemory } from "../rib/tableMemory.ts";
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

it("gives a table nothing that is filled and emptied again and again", async () => {
  const memory = new ZeroedMemory();
  const table = new AttrTable(undefined, new TableMemory(memory));
  for (let i = 0; i < 60; i++) {
    const id = table.intern({ origin: "igp", asPath: [] });
    table.retain(id);
    await nextTurn();
    table.release(id);
  }
  assert.equal(memory.handedOut, 0);
});

it("leaves /dev/zero when it is closed, and what ends at once when it has found that out", async () => {
  const before = await opened("/dev/zero");
  const memory = new ZeroedMemory();
  await takenOf(memory);
  assert.equal(await opened("/dev/zero"), before + 1);
  memory.close();
  assert.equal(memory.take(mebibyte), null);
  await expect.poll(() => opened("/dev/zero")).toBe(before);

  const empty = new ZeroedMemory("/dev/null");
  const inVain = await opened("/dev/null");
  assert.equal(empty.take(8 * mebibyte), null);
  await delay(50); // Not there at first is what it is at last, too.
  await expect.poll(() => opened("/dev/null")).toBe(inVain);
  assert.equal(empty.take(mebibyte), null);
});

/** Until something is handed out. */
async function takenOf(memory: ZeroedMemory): Promise<void> {
  while (!memory.take(mebibyte)) await nextTurn();
}

/** How many descriptors of this process are of the file. */
async function opened(path: string): Promise<number> {
  const links = (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ""));
  return (await Promise.all(links)).filter((link) => link === path).length;
}
