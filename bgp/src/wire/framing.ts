/**
 * Cuts a stream into messages, however the transport cut it into chunks. It keeps at most one unfinished message, and
 * gives out one message a call, so that its caller decides how much to do in a turn.
 */
import type { Fault } from "./fault.ts";
import { readHeader } from "./header.ts";
import { headerBytes, messageBytesMax, updateBytesMin } from "./limits.ts";

/** `bytes` is a whole message with its header: a view into the chunk, valid for as long as the chunk is left alone. */
export interface Frame {
  readonly kind: "frame";
  readonly bytes: Uint8Array;
}

const nothing: Uint8Array = new Uint8Array(0);

/** An empty rest lets go of the chunk, which an idle session would keep. */
function restOf(bytes: Uint8Array, start: number): Uint8Array {
  return start === bytes.length ? nothing : bytes.subarray(start);
}

/** A chunk of a byte weighs a hundred. */
const laterPartsMax = 64;

export class MessageFramer {
  #pending: Uint8Array = nothing;
  /** What came after `#pending` while that was too little: joined once, so that a trickle of bytes costs no more. */
  #later: Uint8Array[] = [];
  #laterBytes = 0;
  #needed = headerBytes;
  #fault: Fault | null = null;

  push(chunk: Uint8Array): void {
    if (this.#fault) return; // Nothing after a fault can be trusted to begin where a message begins.
    if (this.#pending.length === 0 && this.#laterBytes === 0) {
      this.#pending = chunk;
      return;
    }
    this.#later.push(chunk);
    this.#laterBytes += chunk.length;
    const isEnough = this.#pending.length + this.#laterBytes >= this.#needed;
    if (isEnough || this.#later.length === laterPartsMax) this.#join();
  }

  /**
   * The next message, `null` until more bytes come, or the fault: once and for ever. `bytesMax` is the length that a
   * message may have by now (RFC 8654).
   */
  next(bytesMax: number = messageBytesMax): Frame | Fault | null {
    if (this.#fault) return this.#fault;
    if (this.#pending.length < headerBytes) return this.#waitFor(headerBytes);
    const header = readHeader(this.#pending, bytesMax);
    if (header.kind === "fault") {
      this.#pending = nothing;
      this.#fault = header;
      return header;
    }
    if (this.#pending.length < header.length) return this.#waitFor(header.length);
    const bytes = this.#pending.subarray(0, header.length);
    this.#pending = restOf(this.#pending, header.length);
    return { kind: "frame", bytes };
  }

  /**
   * Hands out UPDATEs that are here in whole, one after the other, as ranges of one chunk: without a value for each, for
   * tables come in such. It ends before a message that is something else, or that `take` does not want; `next` has it.
   */
  takeUpdates(bytesMax: number, take: (bytes: Uint8Array, start: number, end: number) => boolean): void {
    const bytes = this.#pending;
    let at = 0;
    while (at + updateBytesMin <= bytes.length) {
      const length = ((bytes[at + 16] ?? 0) << 8) | (bytes[at + 17] ?? 0);
      const isWhole = length >= updateBytesMin && length <= bytesMax && at + length <= bytes.length;
      if (!isWhole || bytes[at + 18] !== updateType || !hasMarker(bytes, at)) break;
      if (!take(bytes, at, at + length)) break;
      at += length;
    }
    if (at > 0) this.#pending = restOf(bytes, at);
  }

  #waitFor(bytes: number): null {
    this.#needed = bytes;
    return null;
  }

  #join(): void {
    const parts = this.#pending.length === 0 ? this.#later : [this.#pending, ...this.#later];
    this.#pending = parts.length === 1 && parts[0] ? parts[0] : joined(parts, this.#pending.length + this.#laterBytes);
    this.#later = [];
    this.#laterBytes = 0;
    this.#needed = headerBytes;
  }
}

const updateType = 2;

function hasMarker(bytes: Uint8Array, at: number): boolean {
  for (let i = at; i < at + 16; i++) if (bytes[i] !== 0xff) return false;
  return true;
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
