import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { SpeakerTimer } from "../speaker/event.ts";
import { TimerSet } from "./timerSet.ts";

const hold: SpeakerTimer = { of: "session", peer: "tor", session: 1, timer: "hold" };
const keepalive: SpeakerTimer = { of: "session", peer: "tor", session: 1, timer: "keepalive" };

let fired: { readonly timer: SpeakerTimer; readonly atMs: number }[] = [];
let timers: TimerSet;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  fired = [];
  timers = new TimerSet((timer) => fired.push({ timer, atMs: performance.now() - startMs }));
  startMs = performance.now();
});

afterEach(() => void vi.useRealTimers());

let startMs = 0;

it("fires once, at the last time that was asked for", () => {
  timers.arm(hold, 90);
  vi.advanceTimersByTime(60_000);
  timers.arm(hold, 90);
  vi.advanceTimersByTime(60_000);
  timers.arm(hold, 90);
  vi.advanceTimersByTime(89_990);
  expect(fired).toEqual([]);
  vi.advanceTimersByTime(1_000_000);
  expect(fired).toEqual([{ timer: hold, atMs: 210_000 }]);
});

it("fires sooner where it is armed for sooner", () => {
  timers.arm(hold, 240);
  timers.arm(hold, 3);
  vi.advanceTimersByTime(1_000_000);
  expect(fired).toEqual([{ timer: hold, atMs: 3_000 }]);
});

it("does not fire once it is disarmed, and can be armed again", () => {
  timers.arm(hold, 90);
  timers.arm(hold, 240);
  timers.disarm(hold);
  vi.advanceTimersByTime(1_000_000);
  expect(fired).toEqual([]);
  timers.arm(hold, 1);
  vi.advanceTimersByTime(1_000);
  expect(fired).toHaveLength(1);
});

it("takes three quarters of a keepalive's time to all of it, and a hold time as it is", () => {
  for (let round = 0; round < 50; round++) {
    const beforeMs = performance.now();
    timers.arm(keepalive, 1);
    vi.advanceTimersByTime(1_000);
    const tookMs = startMs + (fired[round]?.atMs ?? 0) - beforeMs;
    expect(tookMs).toBeGreaterThanOrEqual(750);
    expect(tookMs).toBeLessThanOrEqual(1_000);
    vi.advanceTimersByTime(1_000);
  }
});

it("waits for as long as RFC 9494 may ask for, without looking meanwhile", () => {
  const looks = vi.spyOn(globalThis, "setTimeout");
  timers.arm({ of: "peer", peer: "tor", timer: "stale" }, 0xffffff);
  vi.advanceTimersByTime(3_600_000);
  expect(looks).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(0xffffff * 1000 - 3_600_001);
  expect([fired, looks.mock.calls.length < 20]).toEqual([[], true]);
  vi.advanceTimersByTime(10);
  expect(fired).toMatchObject([{ atMs: 0xffffff * 1000 }]);
  looks.mockRestore();
});
