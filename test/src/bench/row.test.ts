import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { median, ratio } from "./row.ts";

describe("a row", () => {
  it("is above 1 when ours is better, whichever way the figures run", () => {
    const measured = { anchor: { name: "x", figure: 10 }, ours: 20 };
    assert.equal(ratio({ better: "higher" }, measured), 2);
    assert.equal(ratio({ better: "lower" }, measured), 0.5);
  });

  it("has no ratio without a figure of ours", () => {
    assert.equal(ratio({ better: "lower" }, { anchor: { name: "x", figure: 10 } }), undefined);
  });

  it("takes the median and not the mean", () => {
    assert.equal(median([1, 100, 2]), 2);
  });
});
