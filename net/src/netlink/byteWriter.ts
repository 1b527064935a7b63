/** Values one after the other, in a buffer which is kept from one message to the next: a route costs one allocation. */
import { setU16, setU16be, setU32, setU32be } from "./bytes.ts";

/** V8 has arrays of so much in its own heap; one of a byte more takes fifteen times as long. Most values are shorter. */
const bytesAtFirst = 64;

export class ByteWriter {
  #bytes = new Uint8Array(bytesAtFirst);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    const offset = this.#advance(1);
    this.#bytes[offset] = value;
  }

  u16(value: number): void {
    const offset = this.#advance(2);
    setU16(this.#bytes, offset, value);
  }

  u16be(value: number): void {
    const offset = this.#advance(2);
    setU16be(this.#bytes, offset, value);
  }

  u32(value: number): void {
    const offset = this.#advance(4);
    setU32(this.#bytes, offset, value);
  }

  u32be(value: number): void {
    const offset = this.#advance(4);
    setU32be(this.#bytes, offset, value);
  }

  bytes(value: Uint8Array): void {
    const offset = this.#advance(value.length);
    this.#bytes.set(value, offset);
  }

  /** Zeros up to the next multiple of four. */
  align(): void {
    while (this.#length % 4 !== 0) this.u8(0);
  }

  /** Writes over what was written, for a length that is known only at the end. */
  u16At(offset: number, value: number): void {
    setU16(this.#bytes, offset, value);
  }

  /** A copy of what was written; the writer begins anew. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }

  /** The offset of that many bytes more. */
  #advance(bytes: number): number {
    const offset = this.#length;
    this.#length += bytes;
    if (this.#length > this.#bytes.length) this.#grow();
    return offset;
  }

  #grow(): void {
    const bytes = new Uint8Array(2 * this.#length);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
  }
}
