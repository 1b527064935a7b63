/**
 * What goes wrong on the way to a datastore in memory, decided by a seed alone: the same seed and the same calls give
 * the same faults. Changes may come late, twice, and overtake each other, but never within one key.
 */
import type { Change } from "./watchState.ts";

export interface MemoryFaultRates {
  readonly seed: number;
  /** Each a part of 1; 0 unless told. */
  readonly failBefore?: number;
  /** The request is done, and its caller is told that the store is away. */
  readonly failAfter?: number;
  /** A request waits another turn of the scheduler. */
  readonly delayRequest?: number;
  /** A change waits for a later turn, and with it all later ones of its key. */
  readonly delayChange?: number;
  readonly duplicateChange?: number;
  /** A watch is cut off before it is told anything of this turn, and lists anew in the next. */
  readonly loseWatch?: number;
}

export type RequestFate = "well" | "failsBefore" | "failsAfter" | "waits";

export class MemoryFaults {
  readonly #rates: MemoryFaultRates;
  #state: number;

  constructor(rates: MemoryFaultRates) {
    this.#rates = rates;
    this.#state = rates.seed;
  }

  request(): RequestFate {
    const { delayRequest, failBefore, failAfter } = this.#rates;
    if (this.#happens(delayRequest)) return "waits";
    if (this.#happens(failBefore)) return "failsBefore";
    return this.#happens(failAfter) ? "failsAfter" : "well";
  }

  losesWatch(): boolean {
    return this.#happens(this.#rates.loseWatch);
  }

  /** Which of the changes come now, in which order, and which stay. */
  deliver(changes: readonly Change[]): { readonly now: readonly Change[]; readonly later: readonly Change[] } {
    const lanes = Map.groupBy(changes, keyOf);
    const now: Change[] = [];
    const late = new Set<Change>();
    while (lanes.size > 0) {
      const [key, lane = []] = this.#pick([...lanes]);
      const [next, ...rest] = lane;
      if (next === undefined || this.#happens(this.#rates.delayChange)) {
        for (const change of lane) late.add(change);
        lanes.delete(key);
        continue;
      }
      now.push(next);
      if (this.#happens(this.#rates.duplicateChange)) now.push(next);
      if (rest.length > 0) lanes.set(key, rest);
      else lanes.delete(key);
    }
    return { now, later: changes.filter((change) => late.has(change)) };
  }

  #pick<T>(items: readonly [T, ...T[]] | readonly T[]): T {
    const item = items[Math.floor(this.#random() * items.length)];
    if (item === undefined) throw new RangeError("nothing to choose from");
    return item;
  }

  #happens(rate = 0): boolean {
    return rate > 0 && this.#random() < rate;
  }

  /** Mulberry32, in the public domain: 32 bits of state are enough to choose faults. */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}

function keyOf(change: Change): string {
  return change.type === "put" ? change.entry.key : change.key;
}
