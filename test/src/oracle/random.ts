/** Random choices that a seed repeats: mulberry32, 32 bits of state. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From zero to below one. */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** From zero to below `end`. */
  integer(end: number): number {
    return Math.floor(this.fraction() * end);
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(first: T, ...rest: readonly T[]): T {
    return rest[this.integer(rest.length + 1) - 1] ?? first;
  }

  /** Each element with this probability, and at least `min` of them. */
  some<T>(elements: readonly T[], probability: number, min = 0): T[] {
    const chosen = elements.filter(() => this.chance(probability));
    return chosen.length >= min ? chosen : elements.slice(0, min);
  }

  list<T>(length: number, make: (index: number) => T): T[] {
    return Array.from({ length }, (_, index) => make(index));
  }
}
