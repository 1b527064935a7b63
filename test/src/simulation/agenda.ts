/** What is to happen when, in virtual time: a heap, and of what is due at one time the first put in comes first. */
interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class Agenda {
  nowMs = 0;
  readonly #heap: Entry[] = [];
  #entries = 0;

  after(ms: number, run: () => void): void {
    this.#heap.push({ atMs: this.nowMs + ms, order: this.#entries++, run });
    this.#rise(this.#heap.length - 1);
  }

  /** All that is due until then. Gives how many that were. */
  runUntil(endMs: number): number {
    let ran = 0;
    for (let next = this.#heap[0]; next && next.atMs <= endMs; next = this.#heap[0]) {
      this.#removeFirst();
      this.nowMs = next.atMs;
      next.run();
      ran += 1;
    }
    this.nowMs = endMs;
    return ran;
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (!last || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink();
  }

  #rise(start: number): void {
    for (let at = start; at > 0; ) {
      const parent = (at - 1) >>> 1;
      if (!this.#swapIfBefore(at, parent)) return;
      at = parent;
    }
  }

  #sink(): void {
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const child = this.#isBefore(right, left) ? right : left;
      if (!this.#swapIfBefore(child, at)) return;
      at = child;
    }
  }

  #swapIfBefore(a: number, b: number): boolean {
    const [first, second] = [this.#heap[a], this.#heap[b]];
    if (!first || !second || !this.#isBefore(a, b)) return false;
    this.#heap[a] = second;
    this.#heap[b] = first;
    return true;
  }

  #isBefore(a: number, b: number): boolean {
    const [first, second] = [this.#heap[a], this.#heap[b]];
    if (!first || !second) return first !== undefined;
    return first.atMs === second.atMs ? first.order < second.order : first.atMs < second.atMs;
  }
}
