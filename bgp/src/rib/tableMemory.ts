/**
 * Memory of zeros for the chunks of tables. Each page that a process touches for the first time is made ready by the
 * kernel meanwhile; a shell may have that done ahead, on another processor (`MemoryAhead`).
 */

/** Zeros in `buffer` from `start` on, for one owner. */
export interface ReadyMemory {
  readonly buffer: ArrayBuffer;
  readonly start: number;
}

export interface MemoryAhead {
  /** `null` where so many bytes are not ready: they come from elsewhere then. A multiple of eight is asked for. */
  take(bytes: number): ReadyMemory | null;
  /** A table holds so many of the bytes no more that it asked for, wherever they came from. */
  giveBack(bytes: number): void;
}

/** What tables take theirs of; who empties one says so. */
export class TableMemory {
  readonly #ahead: MemoryAhead | null;

  constructor(ahead: MemoryAhead | null) {
    this.#ahead = ahead;
  }

  int32(length: number): Int32Array {
    const ready = this.#ahead?.take(4 * length);
    return ready ? new Int32Array(ready.buffer, ready.start, length) : new Int32Array(length);
  }

  uint32(length: number): Uint32Array {
    const ready = this.#ahead?.take(4 * length);
    return ready ? new Uint32Array(ready.buffer, ready.start, length) : new Uint32Array(length);
  }

  uint8(length: number): Uint8Array {
    const ready = this.#ahead?.take(length);
    return ready ? new Uint8Array(ready.buffer, ready.start, length) : new Uint8Array(length);
  }

  giveBack(bytes: number): void {
    this.#ahead?.giveBack(bytes);
  }
}

/** As it comes. For tables that soon are gone or stay small, and so nothing is to lie ready. */
export const plainMemory: TableMemory = new TableMemory(null);
