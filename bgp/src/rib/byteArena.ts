/** Strings of bytes in large pieces of memory: a million of them are no million objects. */

import { plainMemory, type TableMemory } from "./tableMemory.ts";

const pieceBits = 20;
const pieceBytes: number = 1 << pieceBits;
const pieceMask: number = pieceBytes - 1;
/** Sizes are rounded up to a multiple of this, so that what was freed fits what comes. */
const grainBytes = 8;

/** Where a string stands; never negative, below 2^32. */
export type Place = number;

export class ByteArena {
  #pieces: Uint8Array[] = [];
  /** The end of what was ever handed out. */
  #end = 0;
  /** Freed places by size in grains. */
  #free: (Place[] | undefined)[] = [];
  readonly #memory: TableMemory;

  constructor(memory: TableMemory = plainMemory) {
    this.#memory = memory;
  }

  /** A copy of `bytes[0…length)`; `length` is below a mebibyte. */
  store(bytes: Uint8Array, length: number): Place {
    const place = this.#take(length);
    const piece = this.#pieceOf(place);
    const start = place & pieceMask;
    for (let i = 0; i < length; i++) piece[start + i] = bytes[i] ?? 0;
    return place;
  }

  /** A view, valid until the place is freed. */
  view(place: Place, length: number): Uint8Array {
    const start = place & pieceMask;
    return this.#pieceOf(place).subarray(start, start + length);
  }

  /** Where it stands, without a view. */
  rangeOf(place: Place, length: number): { readonly bytes: Uint8Array; readonly start: number; readonly end: number } {
    const start = place & pieceMask;
    return { bytes: this.#pieceOf(place), start, end: start + length };
  }

  equals(place: Place, bytes: Uint8Array, length: number): boolean {
    const piece = this.#pieceOf(place);
    const start = place & pieceMask;
    for (let i = 0; i < length; i++) if (piece[start + i] !== bytes[i]) return false;
    return true;
  }

  free(place: Place, length: number): void {
    const grains = grainsOf(length);
    const places = this.#free[grains];
    if (places) places.push(place);
    else this.#free[grains] = [place];
  }

  /** Nothing is stored any more. */
  clear(): void {
    for (const piece of new Set(this.#pieces)) this.#memory.giveBack(piece.byteLength);
    [this.#pieces, this.#end, this.#free] = [[], 0, []];
  }

  #take(length: number): Place {
    const grains = grainsOf(length);
    const freed = this.#free[grains]?.pop();
    if (freed !== undefined) return freed;
    // No string crosses from one piece into the next.
    const bytes = grains * grainBytes;
    if ((this.#end & pieceMask) + bytes > pieceBytes) this.#end = (this.#end | pieceMask) + 1;
    const place = this.#end;
    this.#end += bytes;
    return place;
  }

  #pieceOf(place: Place): Uint8Array {
    const index = Math.floor(place / pieceBytes);
    const known = this.#pieces[index];
    if (known) return known;
    const piece = this.#memory.uint8(pieceBytes);
    while (this.#pieces.length <= index) this.#pieces.push(piece);
    this.#pieces[index] = piece;
    return piece;
  }
}

function grainsOf(length: number): number {
  return Math.max(1, Math.ceil(length / grainBytes));
}
