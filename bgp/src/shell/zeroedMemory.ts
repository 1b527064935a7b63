/**
 * Memory for tables that another thread has touched: what is read of /dev/zero is written by one of libuv's, so the kernel
 * makes its pages ready there. A table of a million routes waits for them otherwise: on a virtual machine whose host lends
 * memory, up to a fifth of all that it takes.
 */
import { open, read } from "node:fs";
import { type MemoryAhead, type ReadyMemory, useMemoryAhead } from "../rib/tableMemory.ts";

/** As large as the C library asks the kernel for by itself, so that none of it is touched before: what is not read is no memory. */
const regionBytes: number = 32 * 2 ** 20;
const partBytes: number = 2 * 2 ** 20;
/** What a table takes in some ten turns as it comes in. */
const aheadBytes: number = 3 * partBytes;
/** Small tables take theirs as it comes, and nothing lies ready that they never ask for. */
const bytesAtFirst: number = 8 * 2 ** 20;

interface Region {
  readonly bytes: Buffer<ArrayBuffer>;
  /** The end of what was read. */
  ready: number;
  /** The end of what was handed out. */
  taken: number;
}

export class ZeroedMemory {
  /** Of /dev/zero, once it is open; `null` where there is none. */
  #zeros: number | null | undefined;
  #isReading = false;
  #asked = 0;
  #handedOut = 0;
  /** Handed out from the first, read into the last. */
  readonly #regions: Region[] = [];

  readonly take: MemoryAhead = (bytes) => {
    this.#asked += bytes;
    if (this.#asked < bytesAtFirst) return null;
    this.#fill();
    const [first, second] = this.#regions;
    if (first && second && first.taken + bytes > regionBytes) this.#regions.shift();
    const region = this.#regions[0];
    if (!region || region.taken + bytes > region.ready) return null;
    const memory: ReadyMemory = { buffer: region.bytes.buffer, start: region.taken };
    region.taken += bytes;
    this.#handedOut += bytes;
    return memory;
  };

  get handedOut(): number {
    return this.#handedOut;
  }

  /** One read at a time. */
  #fill(): void {
    if (this.#isReading || this.#zeros === null) return;
    const ahead = this.#regions.reduce((sum, { ready, taken }) => sum + ready - taken, 0);
    if (ahead >= aheadBytes) return;
    this.#isReading = true;
    if (this.#zeros !== undefined) this.#read(this.#zeros);
    else
      open("/dev/zero", (error, zeros) => {
        this.#zeros = error ? null : zeros;
        if (!error) this.#read(zeros);
      });
  }

  #read(zeros: number): void {
    const region = this.#regionToFill();
    read(zeros, region.bytes, region.ready, partBytes, null, (error, count) => {
      this.#isReading = false;
      if (error || count < partBytes) this.#zeros = null;
      else region.ready += count;
      this.#fill();
    });
  }

  #regionToFill(): Region {
    const last = this.#regions.at(-1);
    if (last && last.ready < regionBytes) return last;
    const region: Region = { bytes: Buffer.allocUnsafeSlow(regionBytes), ready: 0, taken: 0 };
    this.#regions.push(region);
    return region;
  }
}

let isUsed = false;

/** For all speakers of this thread. */
export function readyMemoryAhead(): void {
  if (isUsed) return;
  isUsed = true;
  useMemoryAhead(new ZeroedMemory().take);
}
