import assert from "node:assert/strict";
import { describe, it } from "vitest";
import type { JournalEntry, SessionPhase } from "../control.ts";
import { journalEntriesMax, journalWith } from "./journal.ts";

type Step = readonly [from: SessionPhase, to: SessionPhase, reason?: string];

/** A second after the other. */
function journalOf(steps: readonly Step[]): readonly JournalEntry[] {
  return steps.reduce<readonly JournalEntry[]>(
    (journal, [from, to, reason = null], i) => journalWith(journal, { atMs: i * 1_000, from, to, reason }),
    [],
  );
}

const lost: Step = ["established", "idle", "hold timer expired"];
const refused: readonly Step[] = [
  ["active", "connect"],
  ["connect", "active", "connection refused"],
];
const wrongAs: readonly Step[] = [
  ["idle", "connect"],
  ["connect", "openSent"],
  ["openSent", "idle", "sent OPEN Message Error/Bad Peer AS"],
];
const times = (count: number, steps: readonly Step[]): Step[] => Array.from({ length: count }, () => steps).flat();
const shown = (journal: readonly JournalEntry[]): unknown[] =>
  journal.map(({ to, reason, again }) => [to, reason, again?.count ?? 0]);

describe("a journal", () => {
  it("keeps how a session was lost through days of attempts", () => {
    const journal = journalOf([lost, ["idle", "active"], ...times(20_000, refused)]);
    assert.deepEqual(shown(journal), [
      ["idle", "hold timer expired", 0],
      ["active", null, 0],
      ["connect", null, 19_999],
      ["active", "connection refused", 19_999],
    ]);
    assert.deepEqual([journal[3]?.atMs, journal[3]?.again?.lastMs], [3_000, 40_001_000]);
  });

  it("counts attempts of several steps, and tells others apart", () => {
    const journal = journalOf([...times(3, wrongAs), ["idle", "active"], ...times(2, refused), ...times(2, wrongAs)]);
    assert.deepEqual(shown(journal), [
      ["connect", null, 2],
      ["openSent", null, 2],
      ["idle", "sent OPEN Message Error/Bad Peer AS", 2],
      ["active", null, 0],
      ["connect", null, 1],
      ["active", "connection refused", 1],
      ["connect", null, 1],
      ["openSent", null, 1],
      ["idle", "sent OPEN Message Error/Bad Peer AS", 1],
    ]);
  });

  it("tells each loss of a session that comes and goes", () => {
    const flap: readonly Step[] = [["openConfirm", "established"], lost, ["idle", "openConfirm"]];
    const journal = journalOf(times(5, flap));
    assert.equal(journal.filter(({ from }) => from === "established").length, 5);
  });

  it("keeps how a session was lost through attempts of which each fails in other words", () => {
    const attempts = Array.from({ length: 200 }, (_, i): Step => ["connect", "connect", `${i} segments dropped`]);
    const journal = journalOf([["idle", "active"], lost, ...attempts]);
    assert.equal(journal.length, journalEntriesMax);
    assert.equal(journal[0]?.reason, "hold timer expired");
    assert.equal(journal[1]?.reason, "151 segments dropped");
  });

  it("keeps the last attempts of a session that never stops coming and going", () => {
    const flap: readonly Step[] = [["openConfirm", "established"], lost, ["idle", "active"]];
    const journal = journalOf([
      ...times(100, flap),
      ...Array.from({ length: 20 }, (_, i): Step => ["idle", "idle", `${i}`]),
    ]);
    assert.equal(journal.length, journalEntriesMax);
    assert.deepEqual(
      journal.slice(-20).map(({ reason }) => reason),
      Array.from({ length: 20 }, (_, i) => `${i}`),
    );
  });

  it("forgets the oldest first", () => {
    const steps = Array.from({ length: 200 }, (_, i): Step => ["connect", "active", `reason ${i}`]);
    const journal = journalOf(steps);
    assert.equal(journal.length, journalEntriesMax);
    assert.equal(journal.at(-1)?.reason, "reason 199");
  });
});
