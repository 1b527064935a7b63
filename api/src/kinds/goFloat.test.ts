import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { goFloat } from "./goFloat.ts";

const cases: { name: string; value: number; text: string }[] = [
  { name: "zero", value: 0, text: "0" },
  { name: "a whole number", value: 100, text: "100" },
  { name: "a fraction", value: 5.5, text: "5.5" },
  { name: "what is below zero", value: -20, text: "-20" },
  { name: "the last without an exponent", value: 999999, text: "999999" },
  { name: "the first with one", value: 1_000_000, text: "1e+06" },
  { name: "one with many digits", value: 1_234_567.5, text: "1.2345675e+06" },
  { name: "a large one", value: 1e21, text: "1e+21" },
  { name: "the smallest without an exponent", value: 0.0001, text: "0.0001" },
  { name: "what is smaller", value: 0.00001, text: "1e-05" },
];

describe("goFloat", () => {
  for (const { name, value, text } of cases) {
    it(`writes ${name} as Go does`, () => assert.equal(goFloat(value), text));
  }
});
