/**
 * Memory of zeros for the chunks of tables. Each page that a process touches for the first time is made ready by the
 * kernel meanwhile; a shell may have that done ahead, on another processor (`useMemoryAhead`).
 */

/** Zeros in `buffer` from `start` on, for one owner. */
export interface ReadyMemory {
  readonly buffer: ArrayBuffer;
  readonly start: number;
}

/** `null` where so many bytes are not ready. A multiple of eight is asked for. */
export type MemoryAhead = (bytes: number) => ReadyMemory | null;

let ahead: MemoryAhead = () => null;

/** For all tables of the thread. */
export function useMemoryAhead(memory: MemoryAhead): void {
  ahead = memory;
}

export function newInt32Array(length: number): Int32Array {
  const ready = ahead(4 * length);
  return ready ? new Int32Array(ready.buffer, ready.start, length) : new Int32Array(length);
}

export function newUint32Array(length: number): Uint32Array {
  const ready = ahead(4 * length);
  return ready ? new Uint32Array(ready.buffer, ready.start, length) : new Uint32Array(length);
}

export function newUint8Array(length: number): Uint8Array {
  const ready = ahead(length);
  return ready ? new Uint8Array(ready.buffer, ready.start, length) : new Uint8Array(length);
}
