/**
 * Steps from path attribute to path attribute and stops where the next one does not fit (RFC 7606 §4). It makes no
 * object a step: most UPDATEs of a full table carry attributes of their own, so this runs once an attribute.
 */
import { flag } from "./attributes/codec.ts";

/** Views into the message. */
export interface RawAttribute {
  readonly flags: number;
  readonly code: number;
  readonly value: Uint8Array;
  /** With flags, code and length. */
  readonly whole: Uint8Array;
}

export class AttributeCursor {
  readonly #bytes: Uint8Array;
  #start = 0;
  #valueStart = 0;
  #end = 0;
  #cutOff: string | null = null;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** To the next attribute; `false` at the end, and where an attribute is cut off. */
  next(): boolean {
    const bytes = this.#bytes;
    const start = this.#end;
    if (start === bytes.length) return false;
    const isLong = ((bytes[start] ?? 0) & flag.extendedLength) !== 0;
    const valueStart = start + (isLong ? 4 : 3);
    const low = bytes[valueStart - 1] ?? 0;
    const end = valueStart + (isLong ? ((bytes[start + 2] ?? 0) << 8) | low : low);
    if (end > bytes.length) {
      this.#cutOff = `attribute ${bytes[start + 1] ?? "?"} is ${end - bytes.length} bytes longer than what is left`;
      return false;
    }
    this.#start = start;
    this.#valueStart = valueStart;
    this.#end = end;
    return true;
  }

  get flags(): number {
    return this.#bytes[this.#start] ?? 0;
  }

  get code(): number {
    return this.#bytes[this.#start + 1] ?? 0;
  }

  get value(): Uint8Array {
    return this.#bytes.subarray(this.#valueStart, this.#end);
  }

  /** Where the last whole attribute ends. */
  get end(): number {
    return this.#end;
  }

  /** Why it stopped before the end, or `null`. */
  get cutOff(): string | null {
    return this.#cutOff;
  }

  /** The attribute as a value of its own. */
  raw(): RawAttribute {
    const { flags, code, value } = this;
    return { flags, code, value, whole: this.#bytes.subarray(this.#start, this.#end) };
  }
}
