import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { durationMs, goDuration } from "./goDuration.ts";

const cases: { name: string; text: string; written: string | null; milliseconds: number | null }[] = [
  { name: "seconds become minutes", text: "90s", written: "1m30s", milliseconds: 90_000 },
  { name: "whole minutes keep their zero seconds", text: "5m", written: "5m0s", milliseconds: 300_000 },
  { name: "a day is in hours", text: "86400s", written: "24h0m0s", milliseconds: 86_400_000 },
  { name: "zero needs no unit", text: "0", written: "0s", milliseconds: 0 },
  { name: "less than a second is in milliseconds", text: "0.05s", written: "50ms", milliseconds: 50 },
  { name: "less than a millisecond is in microseconds", text: "1500ns", written: "1.5µs", milliseconds: 0.0015 },
  { name: "both spellings of microseconds are one", text: "2us", written: "2µs", milliseconds: 0.002 },
  { name: "a part of a second stays", text: "1m1.5s", written: "1m1.5s", milliseconds: 61_500 },
  { name: "what is in Go's form stays", text: "1h2m3s", written: "1h2m3s", milliseconds: 3_723_000 },
  { name: "a number without a unit is none", text: "90", written: null, milliseconds: null },
  { name: "a day has no unit", text: "1d", written: null, milliseconds: null },
  { name: "three hundred years are too long", text: "2628000h", written: null, milliseconds: null },
];

describe("a duration", () => {
  for (const { name, text, written, milliseconds } of cases) {
    it(`${name}: ${text}`, () => {
      assert.equal(goDuration(text), written);
      assert.equal(durationMs(text), milliseconds);
    });
  }
});
