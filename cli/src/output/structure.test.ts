import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { parse } from "yaml";
import { formatStructure } from "./structure.ts";

describe("formatStructure", () => {
  const texts = ["on", "yes", "n", "017", "0b11", "1_000", "1:30", "2001-12-14", "~"];
  for (const text of texts) {
    it(`writes the text ${text} so that YAML 1.1, as kubectl reads it, takes it for a text`, () => {
      assert.deepEqual(parse(formatStructure({ label: text }, "yaml"), { version: "1.1" }), { label: text });
    });
  }

  for (const form of ["yaml", "json"] as const) {
    it(`keeps every digit of an integer past 2^53 in ${form}`, () => {
      assert.match(formatStructure({ sequenceNumber: 1_800_000_000_000_000_123n }, form), /: 1800000000000000123\b/);
    });
  }
});
