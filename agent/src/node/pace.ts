/**
 * How often work may run that others ask for all the time. A burst is done at once; what goes on for longer gets a part of
 * the time alone, and gathers more in between: a run costs about the same whether it is for one change or for fifty.
 */
export interface PaceLimits {
  /** Of the time, in the long run. */
  readonly share: number;
  /** So much work goes before any rest. */
  readonly burstMs: number;
  /** No rest is longer, though a run that took long asks for it: whoever comes next waits for the rest and for a run. */
  readonly restMsMax: number;
}

/**
 * Of bringing policy into force: pods that come and go and rules that change for a second or two do not feel it, and what goes on for
 * minutes leaves a core most of its time.
 */
export const policyPace: readonly PaceLimits[] = [
  { share: 0.4, burstMs: 500, restMsMax: 400 },
  { share: 0.28, burstMs: 2_500, restMsMax: 400 },
];

/** Holds to several limits at once: the longer a burst one of them allows, the less it leaves to what never ends. */
export class Pace {
  readonly #debts: readonly Debt[];

  constructor(limits: readonly PaceLimits[]) {
    this.#debts = limits.map((each) => new Debt(each));
  }

  /** A run is over, now. Answers for how long the next one has to wait. */
  restMs(run: { readonly tookMs: number; readonly nowMs: number }): number {
    return Math.max(...this.#debts.map((debt) => debt.restMs(run)));
  }
}

class Debt {
  readonly #limits: PaceLimits;
  /** Work that is not yet paid for by time that went by. */
  #debtMs = 0;
  #atMs: number | null = null;

  constructor(limits: PaceLimits) {
    this.#limits = limits;
  }

  restMs({ tookMs, nowMs }: { readonly tookMs: number; readonly nowMs: number }): number {
    const { share, burstMs, restMsMax } = this.#limits;
    if (this.#atMs === null) {
      this.#atMs = nowMs; // The first is all that there is, and comes once: whoever is next does not pay for it.
      return 0;
    }
    const paidMs = (nowMs - this.#atMs) * share;
    this.#debtMs = Math.max(0, this.#debtMs + tookMs - paidMs);
    this.#atMs = nowMs;
    // Beyond the burst a run and the rest behind it pay for the run: so long that it has its share, and no longer. A rest
    // that pays for what was before, too, would have whoever comes next wait for it.
    if (this.#debtMs <= burstMs) return 0;
    return Math.min(restMsMax, Math.min(this.#debtMs - burstMs, tookMs * (1 - share)) / share);
  }
}
