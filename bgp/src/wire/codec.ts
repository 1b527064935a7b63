/** Messages from bytes and back. No input makes `decodeMessage` throw: what a peer sends wrongly is a value. */
import type { CodecContext, DecodeResult, EncodeContext } from "./contract.ts";
import { badLength, readHeader, withHeader } from "./header.ts";
import { extendedMessageBytesMax, headerBytes } from "./limits.ts";
import type { Message } from "./message.ts";
import { decodeNotification, encodeNotification } from "./notification.ts";
import { decodeOpen, encodeOpen } from "./open.ts";
import { decodeRouteRefresh, encodeRouteRefresh } from "./routeRefresh.ts";
import { decodeUpdate } from "./update.ts";
import { encodeUpdate } from "./updateEncoder.ts";

/** `bytes` is one whole message, header included, as `MessageFramer` gives it. */
export function decodeMessage(bytes: Uint8Array, context: CodecContext): DecodeResult {
  const header = readHeader(bytes, extendedMessageBytesMax); // How long it may be, `MessageFramer` has said.
  if (header.kind === "fault") return header;
  if (header.length !== bytes.length) return badLength(bytes, `a message of ${header.length} in ${bytes.length} bytes`);

  const body = bytes.subarray(headerBytes);
  switch (header.type) {
    case "open":
      return decodeOpen(body);
    case "update":
      return decodeUpdate(bytes, context);
    case "notification":
      return decodeNotification(body);
    case "keepalive":
      return { kind: "message", message: { type: "keepalive" } };
    case "routeRefresh":
      return decodeRouteRefresh(bytes, context);
  }
}

/** One whole message. An UPDATE must fit into it: `encodeUpdates` is for what may not. */
export function encodeMessage(message: Message, context: EncodeContext): Uint8Array {
  return withHeader(message.type, encodeBody(message, context), context.messageBytesMax);
}

function encodeBody(message: Message, context: EncodeContext): Uint8Array {
  switch (message.type) {
    case "open":
      return encodeOpen(message);
    case "update":
      return encodeUpdate(message, context);
    case "notification":
      return encodeNotification(message);
    case "keepalive":
      return new Uint8Array(0);
    case "routeRefresh":
      return encodeRouteRefresh(message);
  }
}
