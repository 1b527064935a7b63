/**
 * Attributes as a two-octet peer is told them (RFC 6793 §4.2.2), from bytes to bytes: AS numbers that do not fit become
 * AS_TRANS, and AS4_PATH and AS4_AGGREGATOR say which they are. `twoOctetBytes.test.ts` holds it to the encoder of values.
 */
import { asTrans, twoOctetAsMax } from "../wire/limits.ts";

const code = { asPath: 2, aggregator: 7, as4Path: 17, as4Aggregator: 18 } as const;
const optionalTransitive = 0xc0;
const extendedLength = 0x10;
/** RFC 5065: of no meaning outside, and not in AS4_PATH (RFC 6793 §3). */
const confederationFrom = 3;

/** Of canonical bytes, of which there are `length`. `into` has room for twice as many, and 64. Gives the length. */
export function narrowAsNumbers(bytes: Uint8Array, length: number, into: Uint8Array): number {
  let end = 0;
  let path = -1;
  let aggregator = -1;
  let hasOwed = true;
  for (let at = 0; at < length; ) {
    const number = bytes[at + 1] ?? 0;
    const next = endOf(bytes, at);
    if (hasOwed && number > code.as4Path) {
      end = putOwed(bytes, { path, aggregator }, into, end);
      hasOwed = false;
    }
    if (number === code.asPath) {
      if (isWide(bytes, at)) path = at;
      end = putPath(bytes, at, into, end);
    } else if (number === code.aggregator) {
      const value = valueStart(bytes, at);
      if (u32(bytes, value) > twoOctetAsMax) aggregator = at;
      end = putHead(bytes[at] ?? 0, number, 6, into, end);
      end = putU16(narrow(u32(bytes, value)), into, end);
      for (let i = value + 4; i < next; i++) into[end++] = bytes[i] ?? 0;
    } else for (let i = at; i < next; i++) into[end++] = bytes[i] ?? 0;
    at = next;
  }
  return hasOwed ? putOwed(bytes, { path, aggregator }, into, end) : end;
}

interface Owed {
  /** Where the attribute stands that says it in four octets; -1 where two do. */
  readonly path: number;
  readonly aggregator: number;
}

function putOwed(bytes: Uint8Array, { path, aggregator }: Owed, into: Uint8Array, start: number): number {
  let end = start;
  if (path >= 0) end = putPath4(bytes, path, into, end);
  if (aggregator >= 0) {
    const value = valueStart(bytes, aggregator);
    end = putHead(optionalTransitive, code.as4Aggregator, 8, into, end);
    for (let i = value; i < value + 8; i++) into[end++] = bytes[i] ?? 0;
  }
  return end;
}

/** Whether an AS of the path needs four octets. */
function isWide(bytes: Uint8Array, at: number): boolean {
  const stop = endOf(bytes, at);
  for (let segment = valueStart(bytes, at); segment < stop; ) {
    const next = segment + 2 + 4 * (bytes[segment + 1] ?? 0);
    for (let i = segment + 2; i < next; i += 4) if (((bytes[i] ?? 0) | (bytes[i + 1] ?? 0)) !== 0) return true;
    segment = next;
  }
  return false;
}

function putPath(bytes: Uint8Array, at: number, into: Uint8Array, start: number): number {
  const [value, stop] = [valueStart(bytes, at), endOf(bytes, at)];
  let length = 0;
  for (let segment = value; segment < stop; segment += 2 + 4 * (bytes[segment + 1] ?? 0)) {
    length += 2 + 2 * (bytes[segment + 1] ?? 0);
  }
  let end = putHead(bytes[at] ?? 0, code.asPath, length, into, start);
  for (let segment = value; segment < stop; ) {
    const next = segment + 2 + 4 * (bytes[segment + 1] ?? 0);
    into[end++] = bytes[segment] ?? 0;
    into[end++] = bytes[segment + 1] ?? 0;
    for (let i = segment + 2; i < next; i += 4) end = putU16(narrow(u32(bytes, i)), into, end);
    segment = next;
  }
  return end;
}

function putPath4(bytes: Uint8Array, at: number, into: Uint8Array, start: number): number {
  const [value, stop] = [valueStart(bytes, at), endOf(bytes, at)];
  const isKept = (segment: number): boolean => (bytes[segment] ?? 0) < confederationFrom;
  const bytesOf = (segment: number): number => 2 + 4 * (bytes[segment + 1] ?? 0);
  let length = 0;
  for (let segment = value; segment < stop; segment += bytesOf(segment))
    if (isKept(segment)) length += bytesOf(segment);
  if (length === 0) return start;
  let end = putHead(optionalTransitive, code.as4Path, length, into, start);
  for (let segment = value; segment < stop; segment += bytesOf(segment)) {
    const next = segment + bytesOf(segment);
    if (isKept(segment)) for (let i = segment; i < next; i++) into[end++] = bytes[i] ?? 0;
  }
  return end;
}

function narrow(asn: number): number {
  return asn > twoOctetAsMax ? asTrans : asn;
}

function putHead(flags: number, number: number, length: number, into: Uint8Array, start: number): number {
  let end = start;
  into[end++] = length > 255 ? flags | extendedLength : flags & ~extendedLength;
  into[end++] = number;
  if (length > 255) into[end++] = length >>> 8;
  into[end++] = length;
  return end;
}

function putU16(value: number, into: Uint8Array, at: number): number {
  into[at] = value >>> 8;
  into[at + 1] = value;
  return at + 2;
}

function valueStart(bytes: Uint8Array, at: number): number {
  return at + (((bytes[at] ?? 0) & extendedLength) !== 0 ? 4 : 3);
}

function endOf(bytes: Uint8Array, at: number): number {
  const isLong = ((bytes[at] ?? 0) & extendedLength) !== 0;
  return at + (isLong ? 4 + (((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) : 3 + (bytes[at + 2] ?? 0));
}

function u32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0
  );
}
