/**
 * Cuts a stream into messages, however the transport cut it into chunks. It keeps at most one unfinished message, and
 * gives out one message a call, so that its caller decides how much to do in a turn.
 */
import type { Fault } from "./fault.ts";
import { readHeader } from "./header.ts";
import { headerBytes } from "./limits.ts";

/** `bytes` is a whole message with its header: a view into the chunk, valid for as long as the chunk is left alone. */
export interface Frame {
  readonly kind: "frame";
  readonly bytes: Uint8Array;
}

export class MessageFramer {
  #pending: Uint8Array = new Uint8Array(0);
  #fault: Fault | null = null;

  push(chunk: Uint8Array): void {
    if (this.#fault) return; // Nothing after a fault can be trusted to begin where a message begins.
    this.#pending = this.#pending.length === 0 ? chunk : concatenate(this.#pending, chunk);
  }

  /** The next message, `null` until more bytes come, or the fault: once and for ever. */
  next(): Frame | Fault | null {
    if (this.#fault) return this.#fault;
    if (this.#pending.length < headerBytes) return null;
    const header = readHeader(this.#pending);
    if (header.kind === "fault") {
      this.#pending = new Uint8Array(0);
      this.#fault = header;
      return header;
    }
    if (this.#pending.length < header.length) return null;
    const bytes = this.#pending.subarray(0, header.length);
    this.#pending = this.#pending.subarray(header.length);
    return { kind: "frame", bytes };
  }
}

function concatenate(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
