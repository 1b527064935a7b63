/** Work that is asked for often and done seldom: one run at a time, one more for all that was asked meanwhile. */
import { setTimeout as delay } from "node:timers/promises";

export interface CoalescedWorkOptions {
  readonly work: () => Promise<void>;
  /** A failed run is tried again by itself, with growing delays; here it is told. */
  readonly onFailure: (error: unknown) => void;
  /** How long after a run the next one begins at the earliest, or what says so of one that took so long. */
  readonly restMs?: number | ((tookMs: number) => number);
}

const retryDelayMsMin = 100;
const retryDelayMsMax = 10_000;

export class CoalescedWork {
  readonly #options: CoalescedWorkOptions;
  readonly #ended = new AbortController();
  #isWanted = false;
  #running: Promise<void> | null = null;

  constructor(options: CoalescedWorkOptions) {
    this.#options = options;
  }

  /**
   * Returns at once. What is known when the run starts counts, so callers change state first and ask afterwards. A run that is asked
   * for `atOnce` gathers no more than what is said before this callback of the loop is over: somebody waits for it.
   */
  ask({ atOnce = false }: { readonly atOnce?: boolean } = {}): void {
    this.#isWanted = true;
    this.#running ??= this.#run(atOnce);
  }

  /** Resolves when all that was asked for before this call is done, however often it fails until then. */
  async settled(): Promise<void> {
    await this.#running;
  }

  /** No run begins after this; the one under way is waited for. */
  async end(): Promise<void> {
    this.#ended.abort();
    await this.#running;
  }

  async #run(atOnce: boolean): Promise<void> {
    let failures = 0;
    // Everything that arrives in this turn of the loop goes into one run.
    await new Promise<void>((resolve) => (atOnce ? process.nextTick(resolve) : setImmediate(resolve)));
    while (this.#isWanted && !this.#ended.signal.aborted) {
      this.#isWanted = false;
      const sinceMs = performance.now();
      try {
        await this.#options.work();
        failures = 0;
        await this.#rest(performance.now() - sinceMs);
      } catch (error) {
        this.#options.onFailure(error);
        this.#isWanted = true;
        await this.#pause(Math.min(retryDelayMsMax, retryDelayMsMin * 2 ** failures));
        failures += 1;
      }
    }
    this.#running = null;
  }

  async #rest(tookMs: number): Promise<void> {
    const { restMs = 0 } = this.#options;
    const ms = typeof restMs === "number" ? restMs : restMs(tookMs);
    if (ms > 0) await this.#pause(ms);
  }

  /** The end interrupts it. */
  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#ended.signal }).catch(() => {});
  }
}
