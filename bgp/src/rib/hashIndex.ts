/**
 * Ids by hash, as chains in buckets. It grows by linear hashing: with each new id two buckets are split in order, so that
 * a table of a million is never rehashed at once (Litwin, "Linear Hashing", VLDB 1980). What makes two things equal is
 * the caller's to know: it walks `first`, `next` and compares where `hashOf` agrees.
 */
import { Column } from "./column.ts";

const bucketsAtStart = 64;
const bucketsPerId = 2;

export class HashIndex {
  readonly #heads = new Column();
  readonly #next = new Column();
  readonly #hashes = new Column();
  #size = 0;
  /** Buckets before this round of splits: a power of two. */
  #base = bucketsAtStart;
  /** The next bucket to split. */
  #split = 0;

  get size(): number {
    return this.#size;
  }

  /** The first id that may have this hash, or zero. */
  first(hash: number): number {
    return this.#heads.get(this.#bucketOf(hash));
  }

  next(id: number): number {
    return this.#next.get(id);
  }

  hashOf(id: number): number {
    return this.#hashes.get(id);
  }

  insert(id: number, hash: number): void {
    const bucket = this.#bucketOf(hash);
    this.#hashes.set(id, hash);
    this.#next.set(id, this.#heads.get(bucket));
    this.#heads.set(bucket, id);
    this.#size += 1;
    while (this.#base + this.#split < this.#size * bucketsPerId) this.#splitOne();
  }

  remove(id: number): void {
    const bucket = this.#bucketOf(this.#hashes.get(id));
    const next = this.#next.get(id);
    let before = this.#heads.get(bucket);
    if (before === id) this.#heads.set(bucket, next);
    else {
      while (this.#next.get(before) !== id) before = this.#next.get(before);
      this.#next.set(before, next);
    }
    this.#size -= 1;
    if (this.#size === 0) this.#reset();
  }

  #bucketOf(hash: number): number {
    const bucket = hash & (2 * this.#base - 1);
    return bucket < this.#base + this.#split ? bucket : bucket & (this.#base - 1);
  }

  #splitOne(): void {
    const low = this.#split;
    const high = low + this.#base;
    const mask = 2 * this.#base - 1;
    let [lowHead, highHead] = [0, 0];
    for (let id = this.#heads.get(low); id !== 0; ) {
      const next = this.#next.get(id);
      if ((this.#hashes.get(id) & mask) === low) {
        this.#next.set(id, lowHead);
        lowHead = id;
      } else {
        this.#next.set(id, highHead);
        highHead = id;
      }
      id = next;
    }
    this.#heads.set(low, lowHead);
    this.#heads.set(high, highHead);
    this.#split += 1;
    if (this.#split === this.#base) [this.#base, this.#split] = [2 * this.#base, 0];
  }

  #reset(): void {
    for (const column of [this.#heads, this.#next, this.#hashes]) column.clear();
    [this.#base, this.#split] = [bucketsAtStart, 0];
  }
}
