import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { formatAge } from "./age.ts";
import { formatStructure } from "./structure.ts";
import { formatTable } from "./table.ts";

describe("formatTable", () => {
  const columns = [
    { header: "NAME", cell: (row: readonly string[]) => row[0] ?? "" },
    { header: "VALUE", cell: (row: readonly string[]) => row[1] ?? "" },
  ];

  it("lines columns up, and leaves nothing at the ends of lines", () => {
    assert.equal(
      formatTable(columns, [
        ["a", "1"],
        ["longer", ""],
      ]),
      "NAME     VALUE\na        1\nlonger",
    );
  });

  it("is its headers where there is nothing", () => {
    assert.equal(formatTable(columns, []), "NAME   VALUE");
  });

  it("shows what a peer wrote without its control characters", () => {
    assert.equal(formatTable(columns, [["a\u001b[2J\nb", "1"]]), "NAME      VALUE\na [2J b   1");
  });
});

describe("formatAge", () => {
  const table: [number, string][] = [
    [-5, "0s"],
    [59_999, "59s"],
    [187_000, "3m07s"],
    [18_720_000, "5h12m"],
    [792_000_000, "9d4h"],
  ];
  it.each(table)("says of %d ms %s", (ms, text) => assert.equal(formatAge(ms), text));
});

describe("formatStructure", () => {
  const value = { sequence: 1790000000000000001n, when: "yes", text: "a ".repeat(60).trim() };
  it("keeps every digit of a number past 2^53", () => {
    assert.match(formatStructure(value, "json"), /"sequence": 1790000000000000001,/);
    assert.match(formatStructure(value, "yaml"), /^sequence: 1790000000000000001$/m);
  });

  it("folds no long line", () => {
    assert.equal(formatStructure(value, "yaml").split("\n").length, 3);
  });
});
