import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { resultsTable } from "./results.ts";

describe("resultsTable", () => {
  const table = resultsTable(
    [
      { file: "test/src/a.test.ts", name: "pods > talk", state: "passed", durationMs: 1_234 },
      {
        file: "test/src/a.test.ts",
        name: "pods > go on talking",
        state: "failed",
        durationMs: 60,
        packets: { sent: 4_000, lost: 2, longestGapMs: 7 },
      },
      { file: "test/src/a.test.ts", name: "many words ".repeat(12).trim(), state: "passed", durationMs: 5 },
      { file: "test/src/b.test.ts", name: "nodes > come back", state: "skipped", durationMs: 0 },
    ],
    new Map([["test/src/a.test.ts", 30_000]]),
  );
  const lines = table.split("\n").map((line) => line.replaceAll(/\s+/g, " "));

  it("says of each item how it went, its seconds, and what was lost of what was sent", () => {
    assert(lines.includes("│ pods > talk │ passed │ 1.2 │ │"), table);
    assert(lines.includes("│ pods > go on talking │ failed │ 0.1 │ 2 of 4000 │"), table);
    assert(lines.includes("│ nodes > come back │ skipped │ 0.0 │ │"), table);
  });

  it("breaks a long name between words, and loses none of it", () => {
    assert.equal(table.match(/many/g)?.length, 12);
    assert.equal(table.match(/words/g)?.length, 12);
    assert.doesNotMatch(table, /…/);
  });

  it("has a heading for each file, and what its clusters took", () => {
    assert(lines.includes("│ a.test.ts │ │ │ │") && lines.includes("│ b.test.ts │ │ │ │"), table);
    assert(lines.includes("│ to make its clusters, and to remove them │ │ 30.0 │ │"), table);
  });
});
