/**
 * Unary calls of gRPC over one connection of HTTP/2 (RFC 9113): bytes come in, bytes to send and ended calls go out. A call is one
 * piece of bytes, sent whole or not at all: what the other side does not admit at this moment is for somebody who queues.
 * It never compresses, and takes nothing that nobody asked for.
 */
import {
  type Frame,
  FrameReader,
  flags,
  frame,
  frameHeaderSize,
  frameTypes,
  payloadMax,
  unpadded,
  writeFrameHeader,
} from "./frames.ts";
import { readHeaderBlock } from "./headerBlock.ts";

export type Outcome =
  | { readonly kind: "answered"; readonly message: Buffer }
  /** `code` and `details` are gRPC's. */
  | { readonly kind: "failed"; readonly code: number; readonly details: string }
  /** The other side says that it has not looked at the call: it may be made elsewhere. */
  | { readonly kind: "untouched" };

export interface Received {
  /** To be sent; may be empty. */
  readonly reply: readonly Buffer[];
  /**
   * To be sent with what is sent next, and soon in any case; may be empty. etcd measures by a ping of each answer how much may be
   * under way: said at once, its answer would be a message of its own for each call.
   */
  readonly late: readonly Buffer[];
  readonly ended: readonly (readonly [call: number, outcome: Outcome])[];
  /** Why the connection is of no use any more; the calls left on it fail with it. */
  readonly broken: string | null;
}

/** gRPC's numbers of what went wrong. */
const unavailable = 14;
const internal = 13;
const unknown = 2;

const settingNames = { headerTableSize: 1, enablePush: 2, concurrentMax: 3, windowSize: 4, frameSize: 5 } as const;
const windowMax = 2 ** 31 - 1;
const windowDefault = 65_535;
/** After so much the other side is told that there is room again. */
const arrivedMax = 2 ** 26;
const refusedStream = 7;
const cancelled = 8;
const grpcPrefixSize = 5;

interface OpenCall {
  /** Of the answer, in parts. */
  readonly parts: Buffer[];
  /** What has come of headers that are longer than a frame. */
  block: Buffer | null;
  blockEnds: boolean;
  fields: ReadonlyMap<string, string> | null;
}

export class UnaryCalls {
  readonly #frames = new FrameReader();
  readonly #calls = new Map<number, OpenCall>();
  #nextStream = 1;
  #isOpen = false;
  #isLeaving = false;
  #concurrentMax = Number.POSITIVE_INFINITY;
  /** How much may be sent: on the connection, and on a stream that begins. */
  #window = windowDefault;
  #streamWindow = windowDefault;
  /** What arrived since the other side was last told that there is room. */
  #arrived = 0;

  /** What is sent first: no table of headers, nothing pushed, and as much room as there can be. */
  opening(): Buffer {
    const settings = Buffer.concat([
      setting(settingNames.headerTableSize, 0),
      setting(settingNames.enablePush, 0),
      setting(settingNames.windowSize, windowMax),
    ]);
    const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
    return Buffer.concat([preface, frame(frameTypes.settings, 0, 0, settings), room(windowMax - windowDefault)]);
  }

  /** Whether the other side has said what it takes. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether a message of this size may be sent now. */
  admits(size: number): boolean {
    const isFree = this.#isOpen && !this.#isLeaving && this.#calls.size < this.#concurrentMax;
    return isFree && size + grpcPrefixSize <= Math.min(this.#window, this.#streamWindow);
  }

  /** Whether nothing is waited for, and nothing more may be asked. */
  get isOver(): boolean {
    return this.#isLeaving && this.#calls.size === 0;
  }

  /** No call after this one: the connection is over with the last of those that are under way. */
  leave(): void {
    this.#isLeaving = true;
  }

  /** Only for what is admitted. `headers` is a block of them; `bytes` is all that is to be sent. */
  call(headers: Buffer, message: Uint8Array): { readonly call: number; readonly bytes: Buffer } {
    const call = this.#nextStream;
    this.#nextStream += 2;
    if (this.#nextStream > windowMax) this.#isLeaving = true; // There are no more numbers.
    this.#calls.set(call, { parts: [], block: null, blockEnds: false, fields: null });
    this.#window -= message.length + grpcPrefixSize;
    const begin = frame(frameTypes.headers, flags.endHeaders, call, headers);
    return { call, bytes: Buffer.concat([begin, dataFrames(call, message)]) };
  }

  /** Nobody waits for it any more. The bytes tell the other side. */
  cancel(call: number): Buffer {
    this.#calls.delete(call);
    const code = Buffer.alloc(4);
    code.writeUInt32BE(cancelled);
    return frame(frameTypes.resetStream, 0, call, code);
  }

  receive(chunk: Buffer): Received {
    const reply: Buffer[] = [];
    const late: Buffer[] = [];
    const ended: (readonly [number, Outcome])[] = [];
    const frames = this.#frames.read(chunk);
    let broken = frames ? null : "it sent a frame that is too long";
    for (const each of frames ?? []) {
      broken ??= this.#onFrame(each, { reply, late, ended });
      if (broken !== null) break;
    }
    if (this.#arrived > arrivedMax) {
      reply.push(room(this.#arrived));
      this.#arrived = 0;
    }
    return { reply, late, ended, broken };
  }

  /** The connection is gone: what nobody has answered may have been done or not. */
  abandon(details: string): readonly (readonly [call: number, outcome: Outcome])[] {
    this.#isLeaving = true;
    const ended = [...this.#calls.keys()].map(
      (call) => [call, { kind: "failed", code: unavailable, details }] as const,
    );
    this.#calls.clear();
    return ended;
  }

  /** Why the connection is broken, or `null`. */
  #onFrame(
    each: Frame,
    out: { readonly reply: Buffer[]; readonly late: Buffer[]; readonly ended: (readonly [number, Outcome])[] },
  ): string | null {
    switch (each.type) {
      case frameTypes.data:
        return this.#onData(each, out);
      case frameTypes.headers:
      case frameTypes.continuation:
        return this.#onHeaders(each, out);
      case frameTypes.resetStream:
        this.#end(each.stream, resetOutcome(each.payload), out);
        return null;
      case frameTypes.settings:
        return this.#onSettings(each, out);
      case frameTypes.ping:
        if (!(each.flags & flags.ack)) out.late.push(frame(frameTypes.ping, flags.ack, 0, each.payload));
        return null;
      case frameTypes.goAway:
        return this.#onGoAway(each, out);
      case frameTypes.windowUpdate:
        // Of a single stream it means nothing here: all of a call is sent when it begins.
        if (each.stream === 0 && each.payload.length === 4) this.#window += each.payload.readUInt32BE() & 0x7fffffff;
        return null;
      case frameTypes.pushPromise:
        return "it pushes what nobody asked for";
      default:
        return null; // §4.1: what is not known is passed over.
    }
  }

  #onData(each: Frame, out: { readonly ended: (readonly [number, Outcome])[] }): string | null {
    this.#arrived += each.payload.length;
    const part = unpadded(each);
    if (!part) return "it sent padding that does not fit";
    const call = this.#calls.get(each.stream);
    if (call && part.length > 0) call.parts.push(part);
    // Only who speaks no gRPC ends so: its trailers are missing.
    if (call && each.flags & flags.endStream) this.#end(each.stream, outcomeOf(call.fields ?? none, call.parts), out);
    return null;
  }

  #onHeaders(each: Frame, out: { readonly ended: (readonly [number, Outcome])[] }): string | null {
    const part = each.type === frameTypes.headers ? unpadded(each) : each.payload;
    if (!part) return "it sent padding that does not fit";
    const call = this.#calls.get(each.stream);
    if (!call) return null; // It was cancelled. The block changes no table, so nobody has to read it.
    call.block = call.block ? Buffer.concat([call.block, part]) : part;
    if (each.type === frameTypes.headers) call.blockEnds = (each.flags & flags.endStream) !== 0;
    if (!(each.flags & flags.endHeaders)) return null;
    const fields = readHeaderBlock(call.block);
    call.block = null;
    if (!fields) return "it sent headers that cannot be read";
    call.fields = call.fields ? new Map([...call.fields, ...fields]) : fields;
    if (call.blockEnds) this.#end(each.stream, outcomeOf(call.fields, call.parts), out);
    return null;
  }

  #onSettings({ flags: set, payload }: Frame, out: { readonly reply: Buffer[] }): string | null {
    if (set & flags.ack) return null;
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      const value = payload.readUInt32BE(at + 2);
      const name = payload.readUInt16BE(at);
      if (name === settingNames.concurrentMax) this.#concurrentMax = value;
      else if (name === settingNames.windowSize) this.#streamWindow = value;
    }
    this.#isOpen = true;
    out.reply.push(frame(frameTypes.settings, flags.ack, 0, Buffer.alloc(0)));
    return null;
  }

  /** It takes no more calls, and says up to which it has taken them (§6.8). */
  #onGoAway({ payload }: Frame, out: { readonly ended: (readonly [number, Outcome])[] }): string | null {
    if (payload.length < 8) return "it sent a farewell that is too short";
    this.#isLeaving = true;
    const last = payload.readUInt32BE() & 0x7fffffff;
    for (const call of [...this.#calls.keys()]) if (call > last) this.#end(call, { kind: "untouched" }, out);
    return null;
  }

  #end(call: number, outcome: Outcome, { ended }: { readonly ended: (readonly [number, Outcome])[] }): void {
    if (this.#calls.delete(call)) ended.push([call, outcome]);
  }
}

const none: ReadonlyMap<string, string> = new Map();
const withoutStatus: Outcome = { kind: "failed", code: unknown, details: "the answer ended without a status" };

function setting(name: number, value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(name);
  bytes.writeUInt32BE(value, 2);
  return bytes;
}

/** That so many octets more may be sent on the connection. */
function room(octets: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(octets);
  return frame(frameTypes.windowUpdate, 0, 0, payload);
}

/** The message behind its prefix (not compressed, length), cut into frames that may be so long. */
function dataFrames(stream: number, message: Uint8Array): Buffer {
  const whole = Buffer.allocUnsafe(grpcPrefixSize + message.length);
  whole[0] = 0;
  whole.writeUInt32BE(message.length, 1);
  whole.set(message, grpcPrefixSize);
  const count = Math.ceil(whole.length / payloadMax);
  const bytes = Buffer.allocUnsafe(whole.length + count * frameHeaderSize);
  for (let part = 0, at = 0; part < count; part++) {
    const payload = whole.subarray(part * payloadMax, (part + 1) * payloadMax);
    const set = part === count - 1 ? flags.endStream : 0;
    at = writeFrameHeader(bytes, at, { length: payload.length, type: frameTypes.data, flags: set, stream });
    at += payload.copy(bytes, at);
  }
  return bytes;
}

function resetOutcome(payload: Buffer): Outcome {
  const code = payload.length === 4 ? payload.readUInt32BE() : 0;
  if (code === refusedStream) return { kind: "untouched" };
  return { kind: "failed", code: unavailable, details: `the call was ended by the other side, with code ${code}` };
}

function outcomeOf(fields: ReadonlyMap<string, string>, parts: readonly Buffer[]): Outcome {
  const status = fields.get("grpc-status");
  if (status === undefined) {
    const http = fields.get(":status");
    const isPlain = http !== undefined && http !== "200"; // Whoever answers so speaks no gRPC.
    if (!isPlain) return withoutStatus;
    const said = textOf(parts);
    return { kind: "failed", code: unavailable, details: `HTTP status ${http}${said && `: ${said}`}` };
  }
  if (status !== "0")
    return { kind: "failed", code: Number(status), details: decoded(fields.get("grpc-message") ?? "") };
  const [first] = parts;
  const whole = first && parts.length === 1 ? first : Buffer.concat(parts);
  const isOne =
    whole.length >= grpcPrefixSize && whole[0] === 0 && whole.readUInt32BE(1) === whole.length - grpcPrefixSize;
  if (!isOne) return { kind: "failed", code: internal, details: "the answer is not one message" };
  return { kind: "answered", message: whole.subarray(grpcPrefixSize) };
}

const textLengthMax = 200;

/** What somebody on the way has to say, a proxy for one, on one line. */
function textOf(parts: readonly Buffer[]): string {
  const text = Buffer.concat(parts).toString("utf8", 0, textLengthMax);
  return text.replaceAll(/[\p{Cc}\s]+/gu, " ").trim();
}

/** gRPC writes it with percents; what is not written so is told as it is. */
function decoded(details: string): string {
  try {
    return decodeURIComponent(details);
  } catch {
    return details;
  }
}
