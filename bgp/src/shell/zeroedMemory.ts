/**
 * Memory for tables that another thread has touched: what is read of /dev/zero is written by one of libuv's, so the kernel
 * makes its pages ready there. A table of a million routes waits for them otherwise: on a virtual machine whose host lends
 * memory, up to a fifth of all that it takes.
 */
import { close, open, read } from "node:fs";
import type { MemoryAhead, ReadyMemory } from "../rib/tableMemory.ts";

/** As large as the C library asks the kernel for by itself, so that none of it is touched before: what is not read is no memory. */
const regionBytes: number = 32 * 2 ** 20;
const partBytes: number = 2 * 2 ** 20;
/** What a table takes in some ten turns as it comes in. */
const aheadBytes: number = 3 * partBytes;
/** Tables that hold less take theirs as it comes, and nothing lies ready that they never ask for. */
const bytesAtFirst: number = 8 * 2 ** 20;
/** With less than this nothing is kept ready, either: so far below that a table about as large as that is no trouble. */
const bytesAtLast: number = bytesAtFirst / 2;

interface Region {
  readonly bytes: Buffer<ArrayBuffer>;
  /** The end of what was read. */
  ready: number;
  /** The end of what was handed out. */
  taken: number;
}

/** For the tables of one speaker. */
export class ZeroedMemory implements MemoryAhead {
  readonly #path: string;
  /** Of /dev/zero, once it is open; `null` where there is none. */
  #zeros: number | null | undefined;
  #isReading = false;
  #isClosed = false;
  /** By the tables, wherever they had it from. */
  #held = 0;
  #handedOut = 0;
  /** Handed out from the first, read into the last. */
  #regions: Region[] = [];

  constructor(path: string = "/dev/zero") {
    this.#path = path;
  }

  take(bytes: number): ReadyMemory | null {
    this.#held += bytes;
    if (this.#isClosed || this.#held < bytesAtFirst) return null;
    this.#fill();
    const [first, second] = this.#regions;
    if (first && second && first.taken + bytes > regionBytes) this.#regions.shift();
    const region = this.#regions[0];
    if (!region || region.taken + bytes > region.ready) return null;
    const memory: ReadyMemory = { buffer: region.bytes.buffer, start: region.taken };
    region.taken += bytes;
    this.#handedOut += bytes;
    return memory;
  }

  giveBack(bytes: number): void {
    this.#held -= bytes;
    if (this.#held < bytesAtLast && this.#regions.length > 0) this.#regions = [];
  }

  /** Nothing is read from now on. */
  close(): void {
    this.#isClosed = true;
    if (!this.#isReading) this.#leaveZeros();
  }

  get handedOut(): number {
    return this.#handedOut;
  }

  /** One read at a time. */
  #fill(): void {
    if (this.#isReading || this.#isClosed || this.#zeros === null) return;
    const ahead = this.#regions.reduce((sum, { ready, taken }) => sum + ready - taken, 0);
    if (ahead >= aheadBytes) return;
    this.#isReading = true;
    if (this.#zeros !== undefined) this.#read(this.#zeros);
    else
      open(this.#path, (error, zeros) => {
        this.#isReading = !error;
        this.#zeros = error ? null : zeros;
        if (this.#isClosed) this.#leaveZeros();
        else if (!error) this.#read(zeros);
      });
  }

  #read(zeros: number): void {
    const region = this.#regionToFill();
    read(zeros, region.bytes, region.ready, partBytes, null, (error, count) => {
      this.#isReading = false;
      if (error || count < partBytes || this.#isClosed) return this.#leaveZeros();
      region.ready += count;
      // Whatever tables gave back meanwhile, nobody asked for more.
      if (this.#regions.includes(region)) this.#fill();
    });
  }

  #leaveZeros(): void {
    this.#regions = [];
    const zeros = this.#zeros;
    this.#zeros = null;
    if (typeof zeros === "number") close(zeros);
  }

  #regionToFill(): Region {
    const last = this.#regions.at(-1);
    if (last && last.ready < regionBytes) return last;
    const region: Region = { bytes: Buffer.allocUnsafeSlow(regionBytes), ready: 0, taken: 0 };
    this.#regions.push(region);
    return region;
  }
}
