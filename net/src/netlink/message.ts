/** Netlink messages (struct nlmsghdr and what follows), and the acknowledgements in which the kernel explains itself. */
import { type AttributeTable, align, concat, decodeAttributes } from "./attribute.ts";
import { getU16, getU32, setU16, setU32 } from "./bytes.ts";
import { s32, text, u32 } from "./value.ts";

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Whom a reply is for: the port of the socket that asked. */
  readonly port: number;
  readonly body: Uint8Array;
}

/** A request before it has a sequence number. */
export interface NetlinkRequest {
  readonly type: number;
  readonly flags: number;
  readonly body: Uint8Array;
}

export const messageHeaderBytes = 16;

/** linux/netlink.h */
export const messageType = { noop: 1, error: 2, done: 3, overrun: 4 } as const;

export const messageFlag = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  /** What a request makes is told to whoever asked, too. */
  echo: 0x8,
  /** On a reply: what was dumped changed meanwhile. */
  dumpInterrupted: 0x10,
  // For reading.
  root: 0x100,
  match: 0x200,
  dump: 0x300,
  // For making.
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  append: 0x800,
  // On acknowledgements.
  capped: 0x100,
  ackAttributes: 0x200,
} as const;

export function encodeMessage(message: NetlinkMessage): Uint8Array {
  const bytes = new Uint8Array(messageBytes(message));
  writeMessage(bytes, 0, message);
  return bytes;
}

export function encodeMessages(messages: readonly NetlinkMessage[]): Uint8Array {
  return concat(messages.map(encodeMessage));
}

/** What a request takes in a datagram. */
export function messageBytes({ body }: Pick<NetlinkMessage, "body">): number {
  return align(messageHeaderBytes + body.length);
}

/** The offset behind it; `bytes` are zero already, as padding is. */
export function writeMessage(bytes: Uint8Array, offset: number, message: NetlinkMessage): number {
  setU32(bytes, offset, messageHeaderBytes + message.body.length);
  setU16(bytes, offset + 4, message.type);
  setU16(bytes, offset + 6, message.flags);
  setU32(bytes, offset + 8, message.sequence);
  setU32(bytes, offset + 12, message.port);
  bytes.set(message.body, offset + messageHeaderBytes);
  return offset + messageBytes(message);
}

/** The messages of one datagram, or `null` when a length leads outside. */
export function decodeMessages(bytes: Uint8Array): NetlinkMessage[] | null {
  const messages: NetlinkMessage[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (bytes.length - offset < messageHeaderBytes) return null;
    const length = getU32(bytes, offset);
    if (length < messageHeaderBytes || length > bytes.length - offset) return null;
    messages.push({
      type: getU16(bytes, offset + 4),
      flags: getU16(bytes, offset + 6),
      sequence: getU32(bytes, offset + 8),
      port: getU32(bytes, offset + 12),
      body: bytes.subarray(offset + messageHeaderBytes, offset + length),
    });
    offset += align(length);
  }
  return messages;
}

/** How a request ended, from an error or a done message. `errno` zero is success. */
export interface Acknowledgement {
  readonly errno: number;
  readonly text?: string;
  /** Offset of the offending attribute in the request, counted from its netlink header. */
  readonly offset?: number;
  /** The number of a required attribute that was not there. */
  readonly missingType?: number;
  /** As much of the request, from its netlink header on, as the kernel sent back. */
  readonly request?: Uint8Array;
}

interface AckAttributes {
  readonly text?: string;
  readonly offset?: number;
  readonly missingType?: number;
}

/** enum nlmsgerr_attrs */
const ackAttributes: AttributeTable<AckAttributes> = {
  text: { type: 1, codec: text },
  offset: { type: 2, codec: u32 },
  missingType: { type: 5, codec: u32 },
};

/** Of a message of type `error`; also of `done`, whose body starts with the error of the dump. */
export function decodeAcknowledgement(message: NetlinkMessage): Acknowledgement | null {
  const { body, flags } = message;
  // A dump's end may have an empty body: success.
  if (message.type === messageType.done && body.length < 4) return { errno: 0 };
  const errno = s32.decode(body.subarray(0, 4));
  if (errno === null) return null;
  const attributes = (flags & messageFlag.ackAttributes) === 0 ? null : ackTail(message);
  const request = message.type === messageType.error && errno !== 0 ? { request: body.subarray(4) } : {};
  return { errno: Math.abs(errno), ...attributes, ...request };
}

/** What follows the error: of an error message first the request, whole unless `capped`. */
function ackTail({ type, flags, body }: NetlinkMessage): AckAttributes | null {
  if (type === messageType.done) return decodeAttributes(ackAttributes, body.subarray(4));
  const requestLength = u32.decode(body.subarray(4, 8));
  if (requestLength === null) return null;
  const skipped = (flags & messageFlag.capped) !== 0 ? messageHeaderBytes : align(requestLength);
  return decodeAttributes(ackAttributes, body.subarray(4 + skipped));
}
