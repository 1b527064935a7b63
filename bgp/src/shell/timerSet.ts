/** The timers that a speaker has armed, by what they are for. */
import type { SpeakerTimer } from "../speaker/event.ts";

export class TimerSet {
  readonly #onFired: (timer: SpeakerTimer) => void;
  readonly #timeouts = new Map<string, NodeJS.Timeout>();

  constructor(onFired: (timer: SpeakerTimer) => void) {
    this.#onFired = onFired;
  }

  arm(timer: SpeakerTimer, seconds: number): void {
    const key = keyOf(timer);
    clearTimeout(this.#timeouts.get(key));
    const fire = (): void => {
      this.#timeouts.delete(key);
      this.#onFired(timer);
    };
    this.#timeouts.set(key, setTimeout(fire, seconds * 1000 * jitterOf(timer)));
  }

  disarm(timer: SpeakerTimer): void {
    const key = keyOf(timer);
    clearTimeout(this.#timeouts.get(key));
    this.#timeouts.delete(key);
  }

  clear(): void {
    for (const timeout of this.#timeouts.values()) clearTimeout(timeout);
    this.#timeouts.clear();
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
function jitterOf({ timer }: SpeakerTimer): number {
  const isJittered = timer === "connectRetry" || timer === "keepalive" || timer === "idleHold" || timer === "retry";
  return isJittered ? 0.75 + Math.random() * 0.25 : 1;
}
