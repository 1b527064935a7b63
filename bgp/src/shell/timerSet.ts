/**
 * The timers that a speaker has armed, by what they are for. A hold timer is armed anew by each message, and nearly always
 * for later: then only the time is noted, and the timeout that runs looks at it when it fires.
 */
import type { SpeakerTimer } from "../speaker/event.ts";

interface Armed {
  readonly timer: SpeakerTimer;
  /** On the clock of `performance.now`. */
  dueMs: number;
  /** When its timeout looks. */
  looksMs: number;
  timeout: NodeJS.Timeout;
}

/** Timeouts of one length share a list in Node: thousands of lengths are thousands of lists. */
const jitterStepMs = 50;
/** Node takes a longer timeout for one of a millisecond; a long-lived restart (RFC 9494) may last 194 days. */
const timeoutMsMax = 2 ** 31 - 1;
/** Node's clock for timeouts has whole milliseconds. */
const clockStepMs = 1;

export class TimerSet {
  readonly #onFired: (timer: SpeakerTimer) => void;
  readonly #armed = new Map<string, Armed>();

  constructor(onFired: (timer: SpeakerTimer) => void) {
    this.#onFired = onFired;
  }

  arm(timer: SpeakerTimer, seconds: number): void {
    const key = keyOf(timer);
    const ms = jittered(seconds * 1000, timer);
    const dueMs = performance.now() + ms;
    const known = this.#armed.get(key);
    if (known && known.looksMs <= dueMs) {
      known.dueMs = dueMs;
      return;
    }
    clearTimeout(known?.timeout);
    const looksMs = Math.min(dueMs, performance.now() + timeoutMsMax);
    this.#armed.set(key, { timer, dueMs, looksMs, timeout: this.#lookAfter(key, ms) });
  }

  disarm(timer: SpeakerTimer): void {
    const key = keyOf(timer);
    clearTimeout(this.#armed.get(key)?.timeout);
    this.#armed.delete(key);
  }

  clear(): void {
    for (const { timeout } of this.#armed.values()) clearTimeout(timeout);
    this.#armed.clear();
  }

  #look(key: string): void {
    const armed = this.#armed.get(key);
    if (!armed) return;
    const leftMs = armed.dueMs - performance.now();
    if (leftMs > clockStepMs) {
      armed.looksMs = Math.min(armed.dueMs, performance.now() + timeoutMsMax);
      armed.timeout = this.#lookAfter(key, Math.ceil(leftMs));
      return;
    }
    this.#armed.delete(key);
    this.#onFired(armed.timer);
  }

  #lookAfter(key: string, ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#look(key), Math.min(ms, timeoutMsMax));
  }
}

function keyOf(timer: SpeakerTimer): string {
  switch (timer.of) {
    case "session":
      return `session ${timer.peer} ${timer.session} ${timer.timer}`;
    case "peer":
      return `peer ${timer.peer} ${timer.timer}`;
    case "speaker":
      return `speaker ${timer.timer}`;
    case "collector":
      return `collector ${timer.collector} ${timer.timer}`;
  }
}

/**
 * RFC 4271 §10: three quarters of the time to all of it, so that speakers which started together do not stay in step.
 * What the other side counts on (hold time, restart time) is exact.
 */
function jittered(ms: number, { timer }: SpeakerTimer): number {
  const isJittered = timer === "connectRetry" || timer === "keepalive" || timer === "idleHold" || timer === "retry";
  if (!isJittered) return ms;
  return Math.max(0.75 * ms, Math.round((ms * (0.75 + Math.random() * 0.25)) / jitterStepMs) * jitterStepMs);
}
