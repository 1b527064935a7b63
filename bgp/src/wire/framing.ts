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
  /** What comes after `#pending` where that is one message which came in two chunks: the rest of the second one. */
  #behind: Uint8Array = nothing;
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
    if (this.#behind.length > 0) this.#joinBehind();
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
      this.#behind = nothing;
      this.#fault = header;
      return header;
    }
    if (this.#pending.length < header.length) return this.#waitFor(header.length);
    const bytes = this.#pending.subarray(0, header.length);
    this.#leave(header.length);
    return { kind: "frame", bytes };
  }

  /**
   * Hands out UPDATEs that are here in whole, one after the other, as ranges of one chunk: without a value for each, for
   * tables come in such. It ends before a message that is something else, or that `take` does not want; `next` has it.
   */
  takeUpdates(bytesMax: number, take: (bytes: Uint8Array, start: number, end: number) => boolean): void {
    for (let isAll = true; isAll && this.#pending.length > 0; ) {
      const bytes = this.#pending;
      const end = updatesIn(bytes, bytesMax, take);
      isAll = end === bytes.length;
      if (end > 0) this.#leave(end);
    }
  }

  #waitFor(bytes: number): null {
    this.#needed = bytes;
    return null;
  }

  /** The beginning of `#pending` is done with. */
  #leave(bytes: number): void {
    this.#pending = restOf(this.#pending, bytes);
    if (this.#pending.length > 0 || this.#behind.length === 0) return;
    this.#pending = this.#behind;
    this.#behind = nothing;
  }

  /** Somebody pushes before all was taken. */
  #joinBehind(): void {
    this.#pending = joined([this.#pending, this.#behind], this.#pending.length + this.#behind.length);
    this.#behind = nothing;
  }

  #join(): void {
    const [chunk, ...more] = this.#later;
    const missing = chunk && more.length === 0 ? missingOf(this.#pending, chunk) : 0;
    if (chunk && missing > 0) {
      this.#pending = joined([this.#pending, chunk.subarray(0, missing)], this.#pending.length + missing);
      this.#behind = restOf(chunk, missing);
    } else this.#joinAll();
    this.#later = [];
    this.#laterBytes = 0;
    this.#needed = headerBytes;
  }

  #joinAll(): void {
    const parts = this.#pending.length === 0 ? this.#later : [this.#pending, ...this.#later];
    this.#pending = parts.length === 1 && parts[0] ? parts[0] : joined(parts, this.#pending.length + this.#laterBytes);
  }
}

/** How much of `chunk` completes the message that `pending` begins, so that no more is copied; 0 where that is not known. */
function missingOf(pending: Uint8Array, chunk: Uint8Array): number {
  const byteAt = (at: number): number => (at < pending.length ? pending[at] : chunk[at - pending.length]) ?? 0;
  const missing = ((byteAt(16) << 8) | byteAt(17)) - pending.length;
  return pending.length > 0 && missing > 0 && missing <= chunk.length ? missing : 0;
}

/** Where the first begins that is not whole, or that is something else, or that `take` does not want. */
function updatesIn(
  bytes: Uint8Array,
  bytesMax: number,
  take: (bytes: Uint8Array, start: number, end: number) => boolean,
): number {
  let at = 0;
  while (at + updateBytesMin <= bytes.length) {
    const length = ((bytes[at + 16] ?? 0) << 8) | (bytes[at + 17] ?? 0);
    const isWhole = length >= updateBytesMin && length <= bytesMax && at + length <= bytes.length;
    if (!isWhole || bytes[at + 18] !== updateType || !hasMarker(bytes, at)) break;
    if (!take(bytes, at, at + length)) break;
    at += length;
  }
  return at;
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
