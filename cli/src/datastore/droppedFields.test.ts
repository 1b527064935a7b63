import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { droppedFields } from "./droppedFields.ts";

const rows: { name: string; wanted: unknown; kept: unknown; dropped: readonly string[] | null }[] = [
  { name: "nothing of what is equal", wanted: { a: [1, { b: "c" }] }, kept: { a: [1, { b: "c" }] }, dropped: [] },
  {
    name: "members, by path",
    wanted: { spec: { a: 1, b: { c: 2 } } },
    kept: { spec: { b: {} } },
    dropped: ["spec.a", "spec.b.c"],
  },
  {
    name: "members in a list",
    wanted: { rules: [{ a: 1 }, { b: 2 }] },
    kept: { rules: [{ a: 1 }, {}] },
    dropped: ["rules[1].b"],
  },
  { name: "more than that: another value", wanted: { a: 1 }, kept: { a: 2 }, dropped: null },
  { name: "more than that: a value of another type", wanted: { a: 1n }, kept: { a: 1 }, dropped: null },
  { name: "more than that: a member more", wanted: { a: 1 }, kept: { a: 1, b: 2 }, dropped: null },
  { name: "more than that: a shorter list", wanted: { a: [1, 2] }, kept: { a: [1] }, dropped: null },
];

describe("what a datastore dropped is", () => {
  for (const { name, wanted, kept, dropped } of rows) {
    it(name, () => assert.deepEqual(droppedFields(wanted, kept), dropped));
  }
});
