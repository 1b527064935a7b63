/** Frames of HTTP/2 (RFC 9113 §4.1, §6): nine octets of length, type, flags and stream, then the payload. */

export const frameTypes = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flags = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

export const frameHeaderSize = 9;
/** What nobody sends more than in a frame unless the other side allows it (§4.2), and we do not. */
export const payloadMax = 16_384;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** Writes a frame's head into `into` at `at`; the payload is the caller's. Answers where that begins. */
export function writeFrameHeader(
  into: Buffer,
  at: number,
  { length, type, flags: set, stream }: Omit<Frame, "payload"> & { readonly length: number },
): number {
  into.writeUIntBE(length, at, 3);
  into[at + 3] = type;
  into[at + 4] = set;
  return into.writeUInt32BE(stream, at + 5);
}

export function frame(type: number, set: number, stream: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(frameHeaderSize + payload.length);
  payload.copy(bytes, writeFrameHeader(bytes, 0, { length: payload.length, type, flags: set, stream }));
  return bytes;
}

/** The frames in what arrives; what ends amid a frame is kept for the rest of it. */
export class FrameReader {
  #rest: Buffer | null = null;

  /** `null` when a frame is longer than may be. Payloads are parts of `chunk`, or of a copy where a frame was cut. */
  read(chunk: Buffer): readonly Frame[] | null {
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    const frames: Frame[] = [];
    let at = 0;
    while (bytes.length - at >= frameHeaderSize) {
      const length = bytes.readUIntBE(at, 3);
      if (length > payloadMax) return null;
      const begin = at + frameHeaderSize;
      if (bytes.length < begin + length) break;
      const payload = bytes.subarray(begin, begin + length);
      // The highest bit of a stream's number is reserved.
      const stream = bytes.readUInt32BE(at + 5) & 0x7fffffff;
      frames.push({ type: bytes[at + 3] ?? 0, flags: bytes[at + 4] ?? 0, stream, payload });
      at = begin + length;
    }
    this.#rest = at < bytes.length ? bytes.subarray(at) : null;
    return frames;
  }
}

/** What is left of a payload without its padding (§6.1, §6.2) and, of HEADERS, its priority; `null` where that does not fit. */
export function unpadded({ type, flags: set, payload }: Frame): Buffer | null {
  const isPadded = (set & flags.padded) !== 0;
  const padding = isPadded ? (payload[0] ?? 0) : 0;
  const hasPriority = type === frameTypes.headers && (set & flags.priority) !== 0;
  const begin = (isPadded ? 1 : 0) + (hasPriority ? 5 : 0);
  return begin + padding > payload.length ? null : payload.subarray(begin, payload.length - padding);
}
