import { describe, expect, it } from "vitest";
import { Pace } from "./pace.ts";

/** How much of so many ms a work takes that is asked for all the time, and the rests between its runs. */
function run(pace: Pace, { tookMs, forMs, fromMs = 0 }: { tookMs: number; forMs: number; fromMs?: number }) {
  const rests: number[] = [];
  let nowMs = fromMs;
  let workedMs = 0;
  while (nowMs < fromMs + forMs) {
    nowMs += tookMs;
    workedMs += tookMs;
    const restMs = pace.restMs({ tookMs, nowMs });
    rests.push(restMs);
    nowMs += restMs;
  }
  return { share: workedMs / (nowMs - fromMs), rests };
}

describe("a pace", () => {
  const limits = { share: 0.4, burstMs: 200, restMsMax: 5_000 };

  it("lets a burst go at once", () => {
    expect(run(new Pace([limits]), { tookMs: 20, forMs: 250 }).rests.every((restMs) => restMs === 0)).toBe(true);
  });

  it("leaves the rest of the time to others when there is no end to it", () => {
    for (const tookMs of [1, 10, 100, 1_000]) {
      const { share } = run(new Pace([limits]), { tookMs, forMs: 60_000 });
      expect(share).toBeGreaterThan(0.35);
      expect(share).toBeLessThan(0.45);
    }
  });

  it("never rests for longer than the run before it asks for", () => {
    const { rests } = run(new Pace([limits]), { tookMs: 10, forMs: 60_000 });
    expect(Math.max(...rests)).toBeCloseTo(10 / limits.share - 10);
  });

  it("lets nobody wait for longer than it is told, however long a run took", () => {
    const { rests } = run(new Pace([{ ...limits, restMsMax: 300 }]), { tookMs: 1_000, forMs: 20_000 });
    expect(Math.max(...rests)).toBe(300);
  });

  it("asks nobody to rest for the first run, which is of all there is", () => {
    const pace = new Pace([limits]);
    expect(pace.restMs({ tookMs: 5_000, nowMs: 5_000 })).toBe(0);
    expect(pace.restMs({ tookMs: 20, nowMs: 5_020 })).toBe(0);
  });

  it("forgets when nothing is asked", () => {
    const pace = new Pace([limits]);
    run(pace, { tookMs: 20, forMs: 5_000 });
    expect(run(pace, { tookMs: 20, forMs: 250, fromMs: 10_000 }).rests.every((restMs) => restMs === 0)).toBe(true);
  });

  it("leaves more of the time to others, the longer it goes on", () => {
    const pace = new Pace([limits, { ...limits, share: 0.2, burstMs: 2_000 }]);
    const shareOf = (fromMs: number, forMs: number) => run(pace, { tookMs: 20, forMs, fromMs }).share;
    expect(shareOf(0, 220)).toBe(1);
    expect(shareOf(220, 5_000)).toBeCloseTo(0.4, 1);
    shareOf(5_220, 10_000);
    expect(shareOf(15_220, 60_000)).toBeCloseTo(0.2, 1);
  });

  it("lets what comes seldom go at once for ever", () => {
    const pace = new Pace([limits]);
    for (let nowMs = 0; nowMs < 600_000; nowMs += 100) expect(pace.restMs({ tookMs: 30, nowMs })).toBe(0);
  });
});
