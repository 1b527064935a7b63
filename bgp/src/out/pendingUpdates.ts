/**
 * The prefixes of which a group of peers is still to hear: at most one entry a prefix, so a slow peer costs memory in
 * proportion to the table and never to the churn. What it hears is whatever is best when its turn comes.
 *
 * A whole table, as after the session came up, is no million entries but a place up to which it has been walked.
 */
import { IdQueue } from "../rib/idQueue.ts";
import type { PrefixId, PrefixTable } from "../rib/prefixTable.ts";

export class PendingUpdates {
  readonly #prefixes: PrefixTable;
  /** Each is retained while it waits. */
  #queue = new IdQueue();
  #walkAt: PrefixId = Number.POSITIVE_INFINITY;

  constructor(prefixes: PrefixTable) {
    this.#prefixes = prefixes;
  }

  get isEmpty(): boolean {
    return this.#queue.size === 0 && !this.isWalking;
  }

  /** Whether the walk through the whole table goes on. */
  get isWalking(): boolean {
    return this.#walkAt < this.#prefixes.idsEnd;
  }

  /** Whether the walk is yet to begin. */
  get isUnbegun(): boolean {
    return this.#walkAt === 1;
  }

  mark(prefix: PrefixId): void {
    if (prefix >= this.#walkAt) return; // The walk will come by.
    if (this.#queue.add(prefix)) this.#prefixes.retain(prefix);
  }

  markAll(): void {
    this.#walkAt = 1;
  }

  /** Hands out at most `limit` prefixes. One that `take` refuses by `false` waits on. */
  drain(limit: number, take: (prefix: PrefixId) => boolean): void {
    let left = limit;
    for (let waiting = this.#queue.size; left > 0 && waiting > 0; left--, waiting--) {
      const prefix = this.#queue.shift();
      if (prefix === undefined) break;
      if (!take(prefix)) this.mark(prefix);
      this.#prefixes.release(prefix);
    }
    for (; left > 0 && this.isWalking; left--) {
      const prefix = this.#walkAt++;
      if (this.#prefixes.isLive(prefix) && !take(prefix)) this.mark(prefix);
    }
    if (!this.isWalking) this.#walkAt = Number.POSITIVE_INFINITY;
  }

  /** Another that waits for the same. */
  copy(): PendingUpdates {
    const copy = new PendingUpdates(this.#prefixes);
    copy.#queue = this.#queue.copy();
    this.#queue.forEach((prefix) => void this.#prefixes.retain(prefix));
    copy.#walkAt = this.#walkAt;
    return copy;
  }

  /** Forgets all, or at most so many. `true` when all is forgotten. */
  clear(limit: number = Number.POSITIVE_INFINITY): boolean {
    this.#walkAt = Number.POSITIVE_INFINITY;
    for (let left = limit; left > 0; left--) {
      const prefix = this.#queue.shift();
      if (prefix === undefined) break;
      this.#prefixes.release(prefix);
    }
    return this.#queue.size === 0;
  }
}
