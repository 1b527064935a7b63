/**
 * How often work may run that others ask for all the time. A burst is done at once; what goes on for longer gets a part of
 * the time alone, and gathers more in between: a run costs about the same whether it is for one change or for fifty.
 */
export interface PaceLimits {
  /** Of the time, in the long run. */
  readonly share: number;
  /** So much work goes before any rest. */
  readonly burstMs: number;
}

/** Of bringing policy into force: pods that come and go and rules that change for a second or two do not feel it. */
export const policyPace: PaceLimits = { share: 0.4, burstMs: 500 };

export class Pace {
  readonly #limits: PaceLimits;
  /** Work that is not yet paid for by time that went by. */
  #debtMs = 0;
  #atMs = Number.NEGATIVE_INFINITY;

  constructor(limits: PaceLimits) {
    this.#limits = limits;
  }

  /** A run is over, now. Answers for how long the next one has to wait. */
  restMs({ tookMs, nowMs }: { readonly tookMs: number; readonly nowMs: number }): number {
    const { share, burstMs } = this.#limits;
    const paidMs = (nowMs - this.#atMs) * share;
    this.#debtMs = Math.max(0, this.#debtMs + tookMs - paidMs);
    this.#atMs = nowMs;
    // Beyond the burst the time until the next run pays for this one; it need not pay for what was before.
    return this.#debtMs <= burstMs ? 0 : Math.min(this.#debtMs - burstMs, tookMs) / share;
  }
}
