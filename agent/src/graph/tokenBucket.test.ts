import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { TokenBucket } from "./tokenBucket.ts";

/** How many of `asked` are granted at each of these times. */
function granted(bucket: TokenBucket, timesMs: readonly number[], asked: number): number[] {
  return timesMs.map((nowMs) => Array.from({ length: asked }, () => bucket.take(nowMs)).filter(Boolean).length);
}

describe("a token bucket", () => {
  const cases: { name: string; timesMs: readonly number[]; granted: readonly number[] }[] = [
    { name: "grants a second's worth at once", timesMs: [1_000], granted: [10] },
    {
      name: "grants as many again after a second, and no more after an hour",
      timesMs: [0, 1_000, 3_601_000],
      granted: [10, 10, 10],
    },
    { name: "grants in proportion to the time", timesMs: [0, 100, 400], granted: [10, 1, 3] },
    { name: "grants nothing for a clock that goes back", timesMs: [5_000, 1_000, 1_000], granted: [10, 0, 0] },
  ];
  for (const { name, timesMs, granted: expected } of cases) {
    it(name, () => assert.deepEqual(granted(new TokenBucket(10), timesMs, 50), expected));
  }

  it("that is given its rate before anybody asks is full", () => {
    const bucket = new TokenBucket(0);
    bucket.setRate(10);
    assert.deepEqual(granted(bucket, [7], 50), [10]);
  });

  it("keeps no more than another rate allows, and fills at that one", () => {
    const bucket = new TokenBucket(100);
    assert.deepEqual(granted(bucket, [0], 20), [20]);
    bucket.setRate(10);
    assert.deepEqual(granted(bucket, [0, 500], 50), [10, 5]);
    bucket.setRate(0);
    assert.deepEqual(granted(bucket, [9_000], 50), [0]);
  });
});
