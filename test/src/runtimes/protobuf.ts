/** As much of the wire format of protocol buffers (proto3) as a few messages of a container runtime need. Pure. */

export type Field = readonly [number: number, value: Value];
/** A message is the list of its fields; a repeated field stands there several times. */
export type Value = string | number | readonly Field[];

/** What came under each number, in order. */
export type Message = ReadonlyMap<number, readonly (number | Uint8Array)[]>;

export function encodeMessage(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.flatMap(([number, value]) => encodeField(number, value)));
}

/** Fixed-width fields do not occur in what is read here. */
export function decodeMessage(bytes: Uint8Array): Message {
  const message = new Map<number, (number | Uint8Array)[]>();
  for (let at = 0; at < bytes.length; ) {
    const [tag, afterTag] = readVarint(bytes, at);
    const [value, end] = readVarint(bytes, afterTag);
    const kind = tag % 8;
    if (kind !== varint && kind !== delimited) throw new RangeError(`wire type ${kind}`);
    at = kind === varint ? end : end + value;
    const present = message.get(tag >> 3) ?? [];
    message.set(tag >> 3, [...present, kind === varint ? value : bytes.subarray(end, at)]);
  }
  return message;
}

/** The messages that are fields of that number. */
export function messagesIn(message: Message, number: number): Message[] {
  return (message.get(number) ?? []).flatMap((value) => (typeof value === "number" ? [] : [decodeMessage(value)]));
}

export function textIn(message: Message, number: number): string {
  const [value = new Uint8Array()] = message.get(number) ?? [];
  return typeof value === "number" ? String(value) : Buffer.from(value).toString();
}

export function numberIn(message: Message, number: number): number {
  const [value = 0] = message.get(number) ?? [];
  return typeof value === "number" ? value : Number.NaN;
}

const varint = 0;
const delimited = 2;

function encodeField(number: number, value: Value): Buffer[] {
  if (typeof value === "number") return [writeVarint(number * 8 + varint), writeVarint(value)];
  const bytes = typeof value === "string" ? Buffer.from(value) : encodeMessage(value);
  return [writeVarint(number * 8 + delimited), writeVarint(bytes.length), bytes];
}

function writeVarint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push((rest % 128) + (rest > 127 ? 128 : 0));
    if (rest <= 127) return Buffer.from(bytes);
  }
}

/** Times in nanoseconds lose their last digits, which nobody here reads. */
function readVarint(bytes: Uint8Array, start: number): [value: number, end: number] {
  let value = 0;
  for (let at = start; ; at++) {
    const byte = bytes[at];
    if (byte === undefined) throw new RangeError("the message ends within a number");
    value += (byte & 127) * 2 ** (7 * (at - start));
    if (byte < 128) return [value, at + 1];
  }
}
