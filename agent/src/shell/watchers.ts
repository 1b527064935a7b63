/** Those who read along, each at its own speed: one that falls behind misses some, is told how many, and holds up nobody. */

interface Watcher<T> {
  waiting: T[];
  missed: number;
  wake: () => void;
}

/** Some hundred kilobytes of lines. */
const waitingMax = 1_000;

export type WatchedLine<T> = { readonly value: T } | { readonly missed: number };

export class Watchers<T> {
  readonly #watchers = new Set<Watcher<T>>();

  get size(): number {
    return this.#watchers.size;
  }

  tell(value: T): void {
    for (const watcher of this.#watchers) {
      if (watcher.waiting.length < waitingMax) watcher.waiting.push(value);
      else watcher.missed += 1;
      watcher.wake();
    }
  }

  missed(count: number): void {
    for (const watcher of this.#watchers) {
      watcher.missed += count;
      watcher.wake();
    }
  }

  /** From now on, until `signal`: the watching begins with the call. */
  watch(signal: AbortSignal): AsyncIterable<WatchedLine<T>> {
    const watcher: Watcher<T> = { waiting: [], missed: 0, wake: () => {} };
    this.#watchers.add(watcher);
    return this.#lines(watcher, signal);
  }

  async *#lines(watcher: Watcher<T>, signal: AbortSignal): AsyncGenerator<WatchedLine<T>> {
    const onAbort = (): void => watcher.wake();
    signal.addEventListener("abort", onAbort);
    try {
      while (!signal.aborted) {
        const { waiting, missed } = watcher;
        watcher.waiting = [];
        watcher.missed = 0;
        for (const value of waiting) yield { value };
        if (missed > 0) yield { missed };
        if (watcher.waiting.length > 0 || watcher.missed > 0 || signal.aborted) continue;
        await new Promise<void>((resolve) => {
          watcher.wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#watchers.delete(watcher);
    }
  }
}
