/** The header of every message: RFC 4271 §4.1, and the errors of §6.1. */
import assert from "node:assert/strict";
import { copyOf } from "./copy.ts";
import { errorCode, type Fault, fault, headerError, notification } from "./fault.ts";
import { headerBytes, messageBytesMax, updateBytesMin } from "./limits.ts";
import type { Message } from "./message.ts";

interface MessageKind {
  readonly type: Message["type"];
  readonly bytesMin: number;
  readonly bytesMax: number;
  /** RFC 8654 §3: an OPEN is never longer than 4096, whatever was agreed on. */
  readonly neverExtended?: true;
}

/** By the number of the type. Lengths: RFC 4271 §4.2 to §4.5, RFC 2918 §3. */
const kinds: readonly (MessageKind | undefined)[] = [
  undefined,
  { type: "open", bytesMin: 29, bytesMax: messageBytesMax, neverExtended: true },
  { type: "update", bytesMin: updateBytesMin, bytesMax: messageBytesMax },
  { type: "notification", bytesMin: 21, bytesMax: messageBytesMax },
  { type: "keepalive", bytesMin: headerBytes, bytesMax: headerBytes, neverExtended: true },
  { type: "routeRefresh", bytesMin: 23, bytesMax: messageBytesMax },
];

export interface Header {
  readonly kind: "header";
  readonly type: Message["type"];
  /** Of the whole message, header included. */
  readonly length: number;
}

/**
 * Judges the first 19 bytes, so that a bad message is refused before its body arrived. `agreedMax` is what we take from
 * this peer: 4096 bytes, or 65535 where we said so (RFC 8654).
 */
export function readHeader(bytes: Uint8Array, agreedMax: number = messageBytesMax): Header | Fault {
  for (let i = 0; i < 16; i++) {
    if (bytes[i] !== 0xff) {
      return fault(
        headerFault(headerError.notSynchronized),
        "the marker is not all ones: this is no BGP, or we lost count",
      );
    }
  }
  const length = ((bytes[16] ?? 0) << 8) | (bytes[17] ?? 0);
  const type = bytes[18] ?? 0;
  if (length < headerBytes || length > agreedMax) return badLength(bytes, `a message of ${length} bytes`);
  const kind = kinds[type];
  if (!kind)
    return fault(headerFault(headerError.badType, copyOf(bytes.subarray(18, 19))), `message type ${type} is unknown`);
  const bytesMax = kind.neverExtended ? kind.bytesMax : agreedMax;
  if (length < kind.bytesMin || length > bytesMax) return badLength(bytes, `a ${kind.type} of ${length} bytes`);
  return { kind: "header", type: kind.type, length };
}

/** The whole message: a header in front of `body`. */
export function withHeader(type: Message["type"], body: Uint8Array, bytesMax: number = messageBytesMax): Uint8Array {
  assert(headerBytes + body.length <= bytesMax, `a ${type} of ${body.length} bytes does not fit a message`);
  const bytes = new Uint8Array(headerBytes + body.length).fill(0xff, 0, 16);
  bytes[16] = bytes.length >>> 8;
  bytes[17] = bytes.length;
  bytes[18] = typeNumber(type);
  bytes.set(body, headerBytes);
  return bytes;
}

/** The number of a type on the wire, which the data of an FSM error names too (RFC 6608 §3). */
export function typeNumber(type: Message["type"]): number {
  return kinds.findIndex((kind) => kind?.type === type);
}

/** The data is the length field itself (RFC 4271 §6.1). */
export function badLength(bytes: Uint8Array, what: string): Fault {
  return fault(headerFault(headerError.badLength, copyOf(bytes.subarray(16, 18))), `${what} cannot be`);
}

function headerFault(subcode: number, data?: Uint8Array): ReturnType<typeof notification> {
  return notification(errorCode.messageHeader, subcode, data);
}
