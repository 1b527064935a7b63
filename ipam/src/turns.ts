/** Tasks one after the other, in the order in which they came. */

/** Node limits pods to some hundreds; more waiting than this means that nobody listens any more. */
const waitingMax = 1_000;

export class Turns {
  readonly #waiting: Waiting[] = [];
  /** Whether an error of one task will be the error of those who wait behind it. */
  readonly #isShared: (error: unknown) => boolean;
  #running = false;

  constructor(isShared: (error: unknown) => boolean) {
    this.#isShared = isShared;
  }

  /** Runs the task in its turn. `null` when too many wait already. */
  take<T>(task: () => Promise<T>): Promise<T> | null {
    if (this.#waiting.length >= waitingMax) return null;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push({ run: () => task().then(resolve), reject });
    void this.#run();
    return promise;
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      try {
        await next.run();
      } catch (error) {
        next.reject(error);
        // Each has a deadline of its own; to try them in turn would make the last of many wait for all of them.
        if (this.#isShared(error)) for (const other of this.#waiting.splice(0)) other.reject(error);
      }
    }
    this.#running = false;
  }
}

interface Waiting {
  run(): Promise<void>;
  reject(error: unknown): void;
}
