/**
 * Reads network byte order from bytes that a peer wrote. It never throws: a read past the end yields zero, marks the
 * reader as faulty and leaves nothing to read, so that loops over `remaining` end. Whoever reads asks `isWhole` after.
 */
export class WireReader {
  readonly #bytes: Uint8Array;
  #offset = 0;
  #fault: string | null = null;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The first thing that was wrong, or `null`. */
  get fault(): string | null {
    return this.#fault;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Whether everything was read and nothing was wrong. */
  get isWhole(): boolean {
    return this.#fault === null && this.remaining === 0;
  }

  u8(): number {
    const at = this.#advance(1);
    return this.#bytes[at] ?? 0;
  }

  /** The next byte without reading it; `null` at the end. */
  peek(): number | null {
    return this.#bytes[this.#offset] ?? null;
  }

  u16(): number {
    const at = this.#advance(2);
    return ((this.#bytes[at] ?? 0) << 8) | (this.#bytes[at + 1] ?? 0);
  }

  u32(): number {
    const high = this.u16();
    return high * 0x10000 + this.u16();
  }

  /** A view, not a copy. Empty when fewer bytes are left. */
  take(count: number): Uint8Array {
    const at = this.#advance(count);
    return this.#fault === null ? this.#bytes.subarray(at, at + count) : this.#bytes.subarray(0, 0);
  }

  rest(): Uint8Array {
    return this.take(this.remaining);
  }

  /** For a value that has the right length and the wrong content. Returns `null`, so that decoders can return it. */
  refuse(reason: string): null {
    this.#fault ??= reason;
    this.#offset = this.#bytes.length;
    return null;
  }

  #advance(count: number): number {
    const at = this.#offset;
    if (count > this.remaining) {
      this.refuse(`needs ${count} bytes where ${this.remaining} are left`);
      return this.#bytes.length;
    }
    this.#offset += count;
    return at;
  }
}
