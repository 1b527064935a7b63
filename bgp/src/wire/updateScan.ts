/**
 * The short way through an ordinary UPDATE: one pass over its bytes, without a value or a view, that leaves what the RIB
 * needs in the fields of the scanner. What is in any way unusual (an attribute that is wrong, unknown, out of order or
 * not for this session, another family's form) is left to `decodeUpdate`, which judges it: the scanner judges nothing,
 * it only knows what needs no judgement. `updateScan.test.ts` holds the two to each other.
 */
import type { CodecContext } from "./contract.ts";

const optional = 0x80;
const transitive = 0x40;
const optionalTransitive: number = optional | transitive;
const partial = 0x20;
const extendedLength = 0x10;

/** AFI 1 or 2 with SAFI unicast, the only one that we carry. */
const unicast = 1;

export class UpdateScanner {
  /** The attributes but next hops and NLRI, in canonical form; as much of it as `attributesLength` says. */
  readonly attributes: Uint8Array = new Uint8Array(65_536);
  attributesLength = 0;
  /** NEXT_HOP as a signed number, where there are IPv4 prefixes in NLRI. */
  nextHop = 0;
  /** IPv4 prefixes in the message's own fields: offsets into the message. */
  withdrawnStart = 0;
  withdrawnEnd = 0;
  nlriStart = 0;
  nlriEnd = 0;
  /** IPv6: the next hops of MP_REACH_NLRI, 16 or 32 bytes, and its prefixes; empty ranges where there are none. */
  hopStart = 0;
  hopEnd = 0;
  reachStart = 0;
  reachEnd = 0;
  unreachStart = 0;
  unreachEnd = 0;

  /** Whether the message in `bytes[start…end)` is ordinary, and announces or withdraws something. */
  scan(bytes: Uint8Array, start: number, end: number, context: CodecContext): boolean {
    this.attributesLength = this.nextHop = 0;
    this.hopStart = this.hopEnd = this.reachStart = this.reachEnd = this.unreachStart = this.unreachEnd = 0;
    if (!context.fourOctetAs || context.addPath) return false;
    this.withdrawnStart = start + 21;
    this.withdrawnEnd = this.withdrawnStart + u16(bytes, start + 19);
    if (this.withdrawnEnd + 2 > end) return false;
    const attributesStart = this.withdrawnEnd + 2;
    const attributesEnd = attributesStart + u16(bytes, this.withdrawnEnd);
    if (attributesEnd > end) return false;
    this.nlriStart = attributesEnd;
    this.nlriEnd = end;
    const hasIpv4 = this.nlriEnd > this.nlriStart || this.withdrawnEnd > this.withdrawnStart;
    if (hasIpv4 && !context.families.includes(4)) return false;
    if (!arePrefixes(bytes, this.withdrawnStart, this.withdrawnEnd, 32)) return false;
    if (!arePrefixes(bytes, this.nlriStart, this.nlriEnd, 32)) return false;
    const seen = this.#scanAttributes(bytes, attributesStart, attributesEnd, context);
    if (seen < 0) return false;
    const announces = this.nlriEnd > this.nlriStart || this.reachEnd > this.reachStart;
    if (!announces) {
      // Attributes without prefixes are judged more strictly (RFC 7606 §5.2), and an end of RIB is none of ours.
      const withdraws = this.withdrawnEnd > this.withdrawnStart || this.unreachEnd > this.unreachStart;
      return withdraws && this.attributesLength === 0 && this.nextHop === 0 && this.hopEnd === 0;
    }
    if ((seen & bothMandatory) !== bothMandatory) return false;
    // A classic form without NEXT_HOP is malformed; without NLRI, NEXT_HOP means nothing.
    return this.nlriEnd === this.nlriStart || this.nextHop !== 0;
  }

  /** A set of bits for the mandatory attributes seen, or -1. */
  #scanAttributes(bytes: Uint8Array, start: number, end: number, context: CodecContext): number {
    let seen = 0;
    let last = 0;
    for (let at = start; at < end; ) {
      if (at + 3 > end) return -1;
      const flags = bytes[at] ?? 0;
      const code = bytes[at + 1] ?? 0;
      const isLong = (flags & extendedLength) !== 0;
      const valueStart = at + (isLong ? 4 : 3);
      const length = isLong ? u16(bytes, at + 2) : (bytes[at + 2] ?? 0);
      const valueEnd = valueStart + length;
      if (valueEnd > end) return -1;
      if (code === 14 || code === 15) {
        if ((flags & optionalTransitive) !== optional || length < 3) return -1;
        if (!isIpv6Unicast(bytes, valueStart) || !context.families.includes(6)) return -1;
        const scanned =
          code === 14 ? this.#scanReach(bytes, valueStart, valueEnd) : this.#scanUnreach(bytes, valueStart, valueEnd);
        if (!scanned) return -1;
        at = valueEnd;
        continue;
      }
      if (code <= last) return -1; // Strictly rising, so none comes twice.
      last = code;
      if (!hasOrdinaryForm(flags, code, length) || !isOrdinary(bytes, code, valueStart, valueEnd)) return -1;
      if (context.external && isFromInside(code)) return -1;
      if (code === 3) this.nextHop = u32(bytes, valueStart) | 0;
      else if (isLong && length <= 255) this.#keepShort(bytes, at);
      else this.#keep(bytes, at, valueEnd);
      if (code <= 2) seen |= code;
      at = valueEnd;
    }
    return seen;
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    let to = this.attributesLength;
    for (let at = start; at < end; at++) this.attributes[to++] = bytes[at] ?? 0;
    this.attributesLength = to;
  }

  /** With a length of one byte, which does; many routers send two with each AS_PATH. */
  #keepShort(bytes: Uint8Array, at: number): void {
    const to = this.attributesLength;
    const length = bytes[at + 3] ?? 0;
    this.attributes[to] = (bytes[at] ?? 0) & ~extendedLength;
    this.attributes[to + 1] = bytes[at + 1] ?? 0;
    this.attributes[to + 2] = length;
    this.attributesLength = to + 3;
    this.#keep(bytes, at + 4, at + 4 + length);
  }

  #scanUnreach(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.unreachStart !== 0 || end === start + 3) return false; // Twice, or an end of RIB.
    this.unreachStart = start + 3;
    this.unreachEnd = end;
    return arePrefixes(bytes, this.unreachStart, end, 128);
  }

  #scanReach(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.hopStart !== 0 || end - start < 5) return false;
    this.hopStart = start + 4;
    this.hopEnd = this.hopStart + (bytes[start + 3] ?? 0);
    this.reachStart = this.hopEnd + 1;
    this.reachEnd = end;
    if (this.reachStart >= end || !isHopLength(this.hopEnd - this.hopStart)) return false;
    // Global unicast and nothing special: 2000::/3, or fc00::/7 as in a rack.
    const first = bytes[this.hopStart] ?? 0;
    if (first >>> 5 !== 1 && first >>> 1 !== 0x7e) return false;
    return arePrefixes(bytes, this.reachStart, end, 128);
  }
}

/** ORIGIN is code 1 and AS_PATH code 2: the bits are the codes. */
const bothMandatory = 3;

function isIpv6Unicast(bytes: Uint8Array, at: number): boolean {
  return u16(bytes, at) === 2 && bytes[at + 2] === unicast;
}

function isHopLength(length: number): boolean {
  return length === 16 || length === 32;
}

const wellKnown = transitive;

/** Whether the attribute is one that we know, with the flags of its specification. */
function hasOrdinaryForm(flags: number, code: number, length: number): boolean {
  const kind = flags & optionalTransitive;
  // A well-known attribute and an optional non-transitive one have no partial bit (RFC 4271 §4.3).
  if (kind !== optionalTransitive && (flags & partial) !== 0) return false;
  if ((flags & 0x0f) !== 0) return false;
  switch (code) {
    case 1:
      return kind === wellKnown && length === 1;
    case 2:
      return kind === wellKnown;
    case 3:
    case 5:
      return kind === wellKnown && length === 4;
    case 4:
    case 9:
      return kind === optional && length === 4;
    case 6:
      return kind === wellKnown && length === 0;
    case 7:
      return kind === optionalTransitive && length === 8;
    case 8:
      return kind === optionalTransitive && length > 0 && (length & 3) === 0;
    case 10:
      return kind === optional && length > 0 && (length & 3) === 0;
    case 16:
      return kind === optionalTransitive && length > 0 && (length & 7) === 0;
    case 32:
      return kind === optionalTransitive && length > 0;
    default:
      return false;
  }
}

/** Whether the value is as its specification wants it. */
function isOrdinary(bytes: Uint8Array, code: number, start: number, end: number): boolean {
  switch (code) {
    case 1:
      return (bytes[start] ?? 0) <= 2;
    case 2:
      return isPlainPath(bytes, start, end);
    case 3:
      return isHostAddress(bytes[start] ?? 0);
    case 7:
      return u32(bytes, start) !== 0;
    case 32:
      return areDifferentTriples(bytes, start, end);
    default:
      return true;
  }
}

/** LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST, which a peer of another AS does not send. */
function isFromInside(code: number): boolean {
  return code === 5 || code === 9 || code === 10;
}

/** Sequences alone, none empty, and no AS 0 (RFC 7607). */
function isPlainPath(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; ) {
    const count = bytes[at + 1] ?? 0;
    const next = at + 2 + 4 * count;
    if (bytes[at] !== 2 || count === 0 || next > end) return false;
    for (at += 2; at < next; at += 4) if (u32(bytes, at) === 0) return false;
  }
  return true;
}

/** By its first octet, as `nextHopProblem`. */
function isHostAddress(first: number): boolean {
  return first !== 0 && first !== 127 && first < 224;
}

/** RFC 8092 §5 has repetitions dropped, which is not for here. */
function areDifferentTriples(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length % 12 !== 0 || length > 12 * 32) return false;
  for (let a = start; a < end; a += 12) {
    for (let b = start; b < a; b += 12) {
      let i = 0;
      while (i < 12 && bytes[a + i] === bytes[b + i]) i++;
      if (i === 12) return false;
    }
  }
  return true;
}

function arePrefixes(bytes: Uint8Array, start: number, end: number, lengthMax: number): boolean {
  let at = start;
  while (at < end) {
    const length = bytes[at] ?? 0;
    if (length > lengthMax) return false;
    at += 1 + ((length + 7) >>> 3);
  }
  return at === end;
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function u32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0
  );
}
