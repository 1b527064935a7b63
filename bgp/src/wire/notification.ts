/** NOTIFICATION: RFC 4271 §4.5, and the shutdown communication of RFC 9003. */

import type { DecodeResult } from "./contract.ts";
import { copyOf } from "./copy.ts";
import { cease, errorCode, notification } from "./fault.ts";
import { headerBytes, messageBytesMax } from "./limits.ts";
import type { Notification } from "./message.ts";

/** RFC 9003 §2: the length is one byte. */
const shutdownTextBytesMax = 255;

/** Unknown codes are kept: an error in a NOTIFICATION is never answered (RFC 4271 §6.4). */
export function decodeNotification(body: Uint8Array): DecodeResult {
  const [code = 0, subcode = 0] = body;
  return { kind: "message", message: notification(code, subcode, copyOf(body.subarray(2))) };
}

export function encodeNotification(message: Notification): Uint8Array {
  // What is sent back of a long message (RFC 8654) may not fit a plain one.
  const data = message.data.subarray(0, messageBytesMax - headerBytes - 2);
  const body = new Uint8Array(2 + data.length);
  body[0] = message.code;
  body[1] = message.subcode;
  body.set(data, 2);
  return body;
}

/** A Cease whose text the operator of the other side reads. Cut at 255 bytes, never inside a character. */
export function ceaseNotification(subcode: number, text = ""): Notification {
  if (!carriesShutdownText(errorCode.cease, subcode) || text === "") return notification(errorCode.cease, subcode);
  const data = new Uint8Array(1 + shutdownTextBytesMax);
  const { written } = new TextEncoder().encodeInto(text, data.subarray(1));
  data[0] = written;
  return notification(errorCode.cease, subcode, data.slice(0, 1 + written));
}

/** RFC 8538 §3.1: ends the session and the keeping of its routes, for the reason that it carries. */
export function hardReset({ code, subcode, data }: Notification): Notification {
  return notification(errorCode.cease, cease.hardReset, Uint8Array.of(code, subcode, ...data));
}

/** The peer's text, or `null` where there is none. Invalid UTF-8 shows as replacement characters. */
export function shutdownText({ code, subcode, data }: Omit<Notification, "type">): string | null {
  if (code === errorCode.cease && subcode === cease.hardReset && data.length > 2) {
    const [innerCode = 0, innerSubcode = 0] = data;
    const inner = { code: innerCode, subcode: innerSubcode, data: data.subarray(2) };
    return innerSubcode === cease.hardReset ? null : shutdownText(inner); // No resets inside of resets.
  }
  const [length = 0] = data;
  if (!carriesShutdownText(code, subcode) || length === 0 || length > data.length - 1) return null;
  return new TextDecoder().decode(data.subarray(1, 1 + length));
}

function carriesShutdownText(code: number, subcode: number): boolean {
  const isShutdown = subcode === cease.administrativeShutdown || subcode === cease.administrativeReset;
  return code === errorCode.cease && isShutdown;
}
