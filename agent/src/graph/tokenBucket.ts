/** So many a second, and as many at once after a second of rest. */
export class TokenBucket {
  #perSecond: number;
  #tokens: number;
  #atMs = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
  }

  /** Before anybody has asked, it is full at whatever rate. */
  setRate(perSecond: number): void {
    this.#perSecond = perSecond;
    this.#tokens = Number.isFinite(this.#atMs) ? Math.min(this.#tokens, perSecond) : perSecond;
  }

  /** Whether there is one left at that time, which never goes backwards. */
  take(nowMs: number): boolean {
    const more = Number.isFinite(this.#atMs) ? ((nowMs - this.#atMs) / 1000) * this.#perSecond : 0;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + Math.max(0, more));
    this.#atMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
