/** Ids waiting their turn, first in first out, each at most once: bounded by the table and never by the churn. */
import { BitSet } from "./column.ts";

const compactAt = 4096;

export class IdQueue {
  readonly #members = new BitSet();
  #ids: number[] = [];
  #head = 0;

  get size(): number {
    return this.#ids.length - this.#head;
  }

  has(id: number): boolean {
    return this.#members.has(id);
  }

  /** Whether it was not yet waiting. */
  add(id: number): boolean {
    if (!this.#members.add(id)) return false;
    this.#ids.push(id);
    return true;
  }

  /** The one waiting longest, or `undefined`. */
  shift(): number | undefined {
    const id = this.#ids[this.#head];
    if (id === undefined) return undefined;
    this.#head += 1;
    this.#members.delete(id);
    if (this.#head === this.#ids.length || this.#head === compactAt) {
      this.#ids = this.#head === this.#ids.length ? [] : this.#ids.slice(this.#head);
      this.#head = 0;
    }
    return id;
  }
}
