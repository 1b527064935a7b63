/**
 * Numbers by dense id, in typed arrays: the memory of the RIB. It grows a chunk at a time and never copies, so that no
 * growth is a pause. One element type for all keeps the accesses monomorphic, which is worth more here than the bytes
 * that narrower columns would save.
 */

import { plainMemory, type TableMemory } from "./tableMemory.ts";

const chunkBits = 12;
const chunkSize: number = 1 << chunkBits;
/** What of an id is its place in its chunk. */
export const chunkMask: number = chunkSize - 1;

export class Column {
  #chunks: (Uint32Array | undefined)[] = [];
  readonly #memory: TableMemory;

  constructor(memory: TableMemory = plainMemory) {
    this.#memory = memory;
  }

  /** What was never written reads as zero. */
  get(id: number): number {
    const chunk = this.#chunks[id >>> chunkBits];
    return chunk === undefined ? 0 : (chunk[id & chunkMask] ?? 0);
  }

  set(id: number, value: number): void {
    const chunk = this.#chunks[id >>> chunkBits];
    if (chunk !== undefined) chunk[id & chunkMask] = value;
    else if (value !== 0) this.#grow(id)[id & chunkMask] = value;
  }

  add(id: number, by: number): void {
    this.set(id, this.get(id) + by);
  }

  /** All zero again, and the memory given back. */
  clear(): void {
    giveBack(this.#chunks, this.#memory);
    this.#chunks = [];
  }

  /** Another of the same numbers. */
  copy(): Column {
    const copy = new Column();
    copy.#chunks = this.#chunks.map((chunk) => chunk?.slice());
    return copy;
  }

  #grow(id: number): Uint32Array {
    const index = id >>> chunkBits;
    while (this.#chunks.length <= index) this.#chunks.push(undefined);
    const chunk = this.#memory.uint32(chunkSize);
    this.#chunks[index] = chunk;
    return chunk;
  }
}

/**
 * Several numbers an id, side by side: what is asked for together lies together, so that it costs one access to memory.
 * They are signed here, which is what a processor computes with, and unsigned as a `RowField` has them.
 */
export class Rows {
  readonly width: number;
  #chunks: (Int32Array | undefined)[] = [];
  readonly #memory: TableMemory;

  constructor(width: number, memory: TableMemory = plainMemory) {
    this.width = width;
    this.#memory = memory;
  }

  /** The chunk in which the row of this id lies; zeros where nothing was ever written. */
  chunkOf(id: number): Int32Array {
    return this.#chunks[id >>> chunkBits] ?? this.#grow(id);
  }

  /** Where in its chunk the row begins. Whoever knows the width says `(id & chunkMask) * width`, which is computed in one step. */
  offsetOf(id: number): number {
    return (id & chunkMask) * this.width;
  }

  clear(): void {
    giveBack(this.#chunks, this.#memory);
    this.#chunks = [];
  }

  #grow(id: number): Int32Array {
    const index = id >>> chunkBits;
    while (this.#chunks.length <= index) this.#chunks.push(undefined);
    const chunk = this.#memory.int32(chunkSize * this.width);
    this.#chunks[index] = chunk;
    return chunk;
  }
}

function giveBack(chunks: readonly (Int32Array | Uint32Array | undefined)[], memory: TableMemory): void {
  for (const chunk of chunks) if (chunk) memory.giveBack(chunk.byteLength);
}

/** One of the numbers of each row, used like a column. */
export class RowField {
  readonly #rows: Rows;
  readonly #place: number;

  constructor(rows: Rows, place: number) {
    this.#rows = rows;
    this.#place = place;
  }

  get(id: number): number {
    return (this.#rows.chunkOf(id)[this.#rows.offsetOf(id) + this.#place] ?? 0) >>> 0;
  }

  set(id: number, value: number): void {
    this.#rows.chunkOf(id)[this.#rows.offsetOf(id) + this.#place] = value;
  }
}

export class BitSet {
  #words = new Column();

  has(id: number): boolean {
    return ((this.#words.get(id >>> 5) >>> (id & 31)) & 1) === 1;
  }

  /** Whether that changed anything. */
  add(id: number): boolean {
    const word = this.#words.get(id >>> 5);
    const bit = 1 << (id & 31);
    if ((word & bit) !== 0) return false;
    this.#words.set(id >>> 5, word | bit);
    return true;
  }

  /** Whether that changed anything. */
  delete(id: number): boolean {
    const word = this.#words.get(id >>> 5);
    const bit = 1 << (id & 31);
    if ((word & bit) === 0) return false;
    this.#words.set(id >>> 5, word & ~bit);
    return true;
  }

  clear(): void {
    this.#words.clear();
  }

  copy(): BitSet {
    const copy = new BitSet();
    copy.#words = this.#words.copy();
    return copy;
  }
}

/** Ids from 1 up, so that zero can say "none"; the last one given back is the next one taken. */
export class IdPool {
  readonly #free: Column;
  #freeCount = 0;
  #end = 1;

  constructor(memory: TableMemory = plainMemory) {
    this.#free = new Column(memory);
  }

  /** Every id in use is below. */
  get end(): number {
    return this.#end;
  }

  take(): number {
    if (this.#freeCount === 0) return this.#end++;
    this.#freeCount -= 1;
    return this.#free.get(this.#freeCount);
  }

  giveBack(id: number): void {
    this.#free.set(this.#freeCount, id);
    this.#freeCount += 1;
    if (this.#freeCount < this.#end - 1) return;
    this.#free.clear();
    this.#freeCount = 0;
    this.#end = 1;
  }
}
