import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { SpeakerTimer } from "../speaker/event.ts";
import { TimerSet } from "./timerSet.ts";

const hold: SpeakerTimer = { of: "session", peer: "tor", session: 1, timer: "hold" };
const keepalive: SpeakerTimer = { of: "session", peer: "tor", session: 1, timer: "keepalive" };

let fired: { readonly timer: SpeakerTimer; readonly atMs: number }[] = [];
let timers: TimerSet;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "performance"] });
  fired = [];
  timers = new TimerSet((timer) => fired.push({ timer, atMs: performance.now() - startMs }));
  startMs = performance.now();
});

afterEach(() => void vi.useRealTimers());

let startMs = 0;

/** How many timeouts are begun from now on, until it is told to end. */
function countTimeouts(): { readonly count: number; end(): void } {
  const begin = globalThis.setTimeout;
  const counted = {
    count: 0,
    end(): void {
      globalThis.setTimeout = begin;
    },
  };
  globalThis.setTimeout = Object.assign((...args: Parameters<typeof begin>) => {
    counted.count += 1;
    return begin(...args);
  }, begin);
  return counted;
}

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

it("takes no timeout for what is armed and disarmed at once, and one for keepalives that are due together", () => {
  const timeouts = countTimeouts();
  const sendHold: SpeakerTimer = { ...hold, timer: "sendHold" };
  timers.arm(sendHold, 480);
  timers.disarm(sendHold);
  timers.arm(sendHold, 480);
  timers.disarm(sendHold);
  vi.advanceTimersByTime(1);
  expect(timeouts.count).toBe(0);
  for (let session = 0; session < 1_000; session++) timers.arm({ ...keepalive, session }, 30);
  vi.advanceTimersByTime(1);
  expect(timeouts.count).toBeLessThanOrEqual(31); // The last quarter of 30 s, in steps of 250 ms.
  vi.advanceTimersByTime(30_000);
  expect(fired).toHaveLength(1_000);
  expect(Math.min(...fired.map(({ atMs }) => atMs))).toBeGreaterThanOrEqual(22_500);
  expect(Math.max(...fired.map(({ atMs }) => atMs))).toBeLessThanOrEqual(30_001);
  timeouts.end();
});

it("keeps no process once it is cleared", () => {
  for (const timer of [hold, keepalive]) timers.arm(timer, 30);
  vi.advanceTimersByTime(1);
  timers.arm({ ...hold, session: 2 }, 30);
  timers.clear();
  vi.advanceTimersByTime(1);
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(1_000_000);
  expect(fired).toEqual([]);
});

it("leaves alone what was disarmed, or armed anew, among others that are due with it", () => {
  for (let session = 0; session < 100; session++) timers.arm({ ...keepalive, session }, 30);
  vi.advanceTimersByTime(10_000);
  for (let session = 0; session < 50; session++) timers.disarm({ ...keepalive, session });
  for (let session = 50; session < 75; session++) timers.arm({ ...keepalive, session }, 30);
  vi.advanceTimersByTime(20_001);
  const atMs = (session: number): number[] =>
    fired.filter(({ timer }) => timer.of === "session" && timer.session === session).map((each) => each.atMs);
  for (let session = 75; session < 100; session++) expect(atMs(session)).toHaveLength(1);
  vi.advanceTimersByTime(60_000);
  for (let session = 50; session < 75; session++) expect(atMs(session)[0]).toBeGreaterThanOrEqual(32_500);
  expect(fired).toHaveLength(50);
});

it("waits for as long as RFC 9494 may ask for, without looking meanwhile", () => {
  const looks = countTimeouts();
  timers.arm({ of: "peer", peer: "tor", timer: "stale" }, 0xffffff);
  vi.advanceTimersByTime(3_600_000);
  expect(looks.count).toBe(1);
  vi.advanceTimersByTime(0xffffff * 1000 - 3_600_001);
  expect([fired, looks.count < 20]).toEqual([[], true]);
  vi.advanceTimersByTime(20);
  expect(fired).toHaveLength(1);
  expect(fired[0]?.atMs).toBeGreaterThanOrEqual(0xffffff * 1000);
  looks.end();
});
