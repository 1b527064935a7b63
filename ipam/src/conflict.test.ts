import assert from "node:assert/strict";
import type { Key, Write } from "@brindle/api";
import { describe, it } from "vitest";
import { violatedWrites } from "./conflict.ts";
import type { Found } from "./state.ts";

const key: Key<"IPAMHandle"> = { kind: "IPAMHandle", name: "net.a" };
const value = { block: {}, deleted: false };
const absent: Found = { key, value: null };
const present: Found = { key, value, revision: "7" };

const cases: { name: string; write: Write; current: Found[]; isViolated: boolean }[] = [
  { name: "a create by what is there", write: { op: "create", key, value }, current: [present], isViolated: true },
  { name: "no create of what is not", write: { op: "create", key, value }, current: [absent], isViolated: false },
  {
    name: "an update by another revision",
    write: { op: "update", key, value, revision: "6" },
    current: [present],
    isViolated: true,
  },
  {
    name: "no update of its revision",
    write: { op: "update", key, value, revision: "7" },
    current: [present],
    isViolated: false,
  },
  { name: "a deletion of what has gone", write: { op: "delete", key, revision: "7" }, current: [], isViolated: true },
  {
    name: "an expected absence by what is there",
    write: { op: "expect", key, revision: null },
    current: [present],
    isViolated: true,
  },
  {
    name: "no expected absence of what is not there",
    write: { op: "expect", key, revision: null },
    current: [absent],
    isViolated: false,
  },
  { name: "no put, ever", write: { op: "put", key, value }, current: [present], isViolated: false },
];

describe("a conflict is about", () => {
  for (const { name, write, current, isViolated } of cases) {
    it(name, () => assert.deepEqual(violatedWrites([write], current), isViolated ? [write] : []));
  }

  it("a key of one namespace alone", () => {
    const endpoint = (namespace: string): Key<"WorkloadEndpoint"> => ({
      kind: "WorkloadEndpoint",
      namespace,
      name: "a",
    });
    const write: Write = { op: "expect", key: endpoint("one"), revision: null };
    assert.deepEqual(violatedWrites([write], [{ ...present, key: endpoint("two") } as Found]), []);
  });
});
