/**
 * The timers that a speaker has armed, by what they are for. A hold timer is armed anew by each message, and nearly always
 * for later: then only the time is noted, and the timeout that runs looks at it when it fires. What is armed and disarmed
 * in one round of the event loop, as for each message that goes out at once, never gets a timeout.
 */
import type { SpeakerTimer } from "../speaker/event.ts";

interface Armed {
  readonly timer: SpeakerTimer;
  /** On the clock of `performance.now`. */
  dueMs: number;
  /** When somebody looks at it; `null` before that is arranged. */
  looksMs: number | null;
  /** Of its own; those that are due together have one in common. */
  timeout: NodeJS.Timeout | null;
}

/** Timeouts of one length share a list in Node: thousands of lengths are thousands of lists. */
const jitterStepMs = 50;
const lengthStepMs = 10;
/** Node takes a longer timeout for one of a millisecond; a long-lived restart (RFC 9494) may last 194 days. */
const timeoutMsMax = 2 ** 31 - 1;
/** Node's clock for timeouts has whole milliseconds. */
const clockStepMs = 1;
/**
 * What is due in some seconds, more or less, is due with others: a process that sleeps between the keepalives of a
 * thousand sessions is woken for several of them at a time, not for each.
 */
const togetherStepMs = 250;
const togetherFromMs = 5_000;

export class TimerSet {
  readonly #onFired: (timer: SpeakerTimer) => void;
  readonly #armed = new Map<string, Armed>();
  /** Nobody looks at them yet. */
  #fresh: Armed[] = [];
  /** Those that are due together, by when. */
  readonly #together = new Map<number, { readonly all: Armed[]; readonly timeout: NodeJS.Timeout }>();

  constructor(onFired: (timer: SpeakerTimer) => void) {
    this.#onFired = onFired;
  }

  arm(timer: SpeakerTimer, seconds: number): void {
    const key = keyOf(timer);
    const dueMs = dueOf(timer, { nowMs: performance.now(), ms: seconds * 1000 });
    const known = this.#armed.get(key);
    if (known && (known.looksMs === null || known.looksMs <= dueMs)) {
      known.dueMs = dueMs;
      return;
    }
    if (known?.timeout) clearTimeout(known.timeout);
    const armed: Armed = { timer, dueMs, looksMs: null, timeout: null };
    this.#armed.set(key, armed);
    if (this.#fresh.length === 0) setImmediate(() => this.#lookAfterFresh());
    this.#fresh.push(armed);
  }

  disarm(timer: SpeakerTimer): void {
    const key = keyOf(timer);
    const known = this.#armed.get(key);
    if (!known) return;
    if (known.timeout) clearTimeout(known.timeout);
    this.#armed.delete(key);
  }

  clear(): void {
    for (const { timeout } of this.#armed.values()) if (timeout) clearTimeout(timeout);
    for (const { timeout } of this.#together.values()) clearTimeout(timeout);
    this.#armed.clear();
    this.#together.clear();
  }

  #isArmed(armed: Armed): boolean {
    return this.#armed.get(keyOf(armed.timer)) === armed;
  }

  #lookAfterFresh(): void {
    const fresh = this.#fresh;
    this.#fresh = [];
    for (const armed of fresh) if (this.#isArmed(armed)) this.#lookAfter(armed);
  }

  #lookAfter(armed: Armed): void {
    const { timer, dueMs } = armed;
    const nowMs = performance.now();
    armed.looksMs = Math.min(dueMs, nowMs + timeoutMsMax);
    const ms = Math.min(Math.ceil((dueMs - nowMs) / lengthStepMs) * lengthStepMs, timeoutMsMax);
    if (!isJittered(timer) || dueMs % togetherStepMs !== 0) {
      armed.timeout = setTimeout(() => this.#look(armed), ms);
      return;
    }
    const others = this.#together.get(dueMs)?.all;
    if (others) others.push(armed);
    else this.#together.set(dueMs, { all: [armed], timeout: setTimeout(() => this.#lookAtAll(dueMs), dueMs - nowMs) });
  }

  #lookAtAll(dueMs: number): void {
    const all = this.#together.get(dueMs)?.all ?? [];
    this.#together.delete(dueMs);
    for (const armed of all) if (this.#isArmed(armed)) this.#look(armed);
  }

  #look(armed: Armed): void {
    if (armed.dueMs - performance.now() > clockStepMs) {
      this.#lookAfter(armed);
      return;
    }
    this.#armed.delete(keyOf(armed.timer));
    this.#onFired(armed.timer);
  }
}

function isJittered({ timer }: SpeakerTimer): boolean {
  return timer === "connectRetry" || timer === "keepalive" || timer === "idleHold" || timer === "retry";
}

/**
 * RFC 4271 §10: after three quarters of the time to all of it, so that speakers which started together do not stay in
 * step. What the other side counts on (hold time, restart time) is exact.
 */
function dueOf(timer: SpeakerTimer, { nowMs, ms }: { readonly nowMs: number; readonly ms: number }): number {
  if (!isJittered(timer)) return nowMs + ms;
  const [leastMs, someMs] = [0.75 * ms, ms * (0.75 + Math.random() * 0.25)];
  if (ms < togetherFromMs) return nowMs + Math.max(leastMs, Math.round(someMs / jitterStepMs) * jitterStepMs);
  const dueMs = Math.floor((nowMs + someMs) / togetherStepMs) * togetherStepMs;
  return dueMs < nowMs + leastMs ? dueMs + togetherStepMs : dueMs;
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
