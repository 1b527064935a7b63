/** Looks at something again and again: seldom while all is well, often while something is wrong, and when it is asked to. */
import { setTimeout as delay } from "node:timers/promises";
import type { Mistake } from "../node/mistakes.ts";

export interface RepeatedCheckOptions {
  /** While nothing is found; `null` when nobody but those who ask makes it look again. */
  readonly everyMs: number | null;
  /** While something is found; also the shortest time between two looks. */
  readonly whileFoundMs: number;
}

export interface RepeatedCheckPorts {
  /** Rejects where it cannot look: what it found before stands. */
  look(): Promise<readonly Mistake[]>;
  onFound(mistakes: readonly Mistake[]): void;
  onFailure(error: unknown): void;
}

export class RepeatedCheck {
  readonly #options: RepeatedCheckOptions;
  readonly #ports: RepeatedCheckPorts;
  readonly #ended = new AbortController();
  readonly #running: Promise<void>;
  #wake: () => void = () => {};
  #isAsked = false;
  #lookedOnce = Promise.withResolvers<void>();

  constructor(options: RepeatedCheckOptions, ports: RepeatedCheckPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#running = this.#run();
  }

  /** Looks soon. */
  ask(): void {
    this.#isAsked = true;
    this.#wake();
  }

  /** Resolves when it has looked for the first time, whatever came of that. */
  get first(): Promise<void> {
    return this.#lookedOnce.promise;
  }

  async end(): Promise<void> {
    this.#ended.abort();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      this.#isAsked = false;
      const isWell = await this.#look();
      this.#lookedOnce.resolve();
      await delay(this.#options.whileFoundMs, undefined, { signal, ref: false }).catch(() => {});
      if (isWell && !this.#isAsked && !signal.aborted) await this.#untilAskedOrDue();
    }
  }

  async #look(): Promise<boolean> {
    try {
      const found = await this.#ports.look();
      if (!this.#ended.signal.aborted) this.#ports.onFound(found);
      return found.length === 0;
    } catch (error) {
      this.#ports.onFailure(error);
      return false;
    }
  }

  async #untilAskedOrDue(): Promise<void> {
    const { everyMs, whileFoundMs } = this.#options;
    await new Promise<void>((resolve) => {
      const timer = everyMs === null ? undefined : setTimeout(resolve, Math.max(0, everyMs - whileFoundMs)).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
