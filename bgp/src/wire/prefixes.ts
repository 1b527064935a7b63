/**
 * Prefixes on the wire (RFC 4271 §4.3: a length in bits, then as many bytes as that needs) and packed for the RIB.
 * This is the hot path of a full table: no object for a prefix, no bigint.
 */
import { addressBits, type Family } from "@brindle/net";
import type { PackedPrefixes } from "./message.ts";

/** Words for one prefix: its address, then its length. */
export const wordsPerPrefix: Readonly<Record<Family, number>> = { 4: 2, 6: 5 };

export function countPrefixes(prefixes: PackedPrefixes): number {
  return prefixes.words.length / wordsPerPrefix[prefixes.family];
}

/**
 * `null` where a length is beyond the family's, or the last prefix is cut off: RFC 7606 §5.3. `hasPathIds`: four bytes
 * stand before each (RFC 7911 §3).
 */
export function decodePackedPrefixes(bytes: Uint8Array, family: Family, hasPathIds = false): PackedPrefixes | null {
  const count = countOnWire(bytes, addressBits[family], hasPathIds ? pathIdBytes : 0);
  if (count === null) return null;
  const words = new Uint32Array(count * wordsPerPrefix[family]);
  const pathIds = hasPathIds ? new Uint32Array(count) : null;
  const wordsOfAddress = wordsPerPrefix[family] - 1;
  let at = 0;
  for (let i = 0; i < count; i++) {
    const word = i * (wordsOfAddress + 1);
    if (pathIds) {
      pathIds[i] = readWord(bytes, at, 32);
      at += pathIdBytes;
    }
    const length = bytes[at++] ?? 0;
    for (let bit = 0; bit < length; bit += 32) {
      words[word + (bit >>> 5)] = readWord(bytes, at, Math.min(32, length - bit));
      at += Math.min(4, (length - bit + 7) >>> 3);
    }
    words[word + wordsOfAddress] = length;
  }
  return pathIds ? { family, words, pathIds } : { family, words };
}

export function encodePackedPrefixes(prefixes: PackedPrefixes): Uint8Array {
  const { words, pathIds } = prefixes;
  const wordsOfAddress = wordsPerPrefix[prefixes.family] - 1;
  const bytes = new Uint8Array(countPrefixes(prefixes) * (wordsOfAddress * 4 + 1 + pathIdBytes));
  let at = 0;
  for (let word = 0; word < words.length; word += wordsOfAddress + 1) {
    const length = words[word + wordsOfAddress] ?? 0;
    if (pathIds) {
      const id = pathIds[word / (wordsOfAddress + 1)] ?? 0;
      for (let shift = 24; shift >= 0; shift -= 8) bytes[at++] = id >>> shift;
    }
    bytes[at++] = length;
    for (let bit = 0; bit < length; bit += 8) {
      bytes[at++] = (words[word + (bit >>> 5)] ?? 0) >>> (24 - (bit & 31));
    }
  }
  return bytes.slice(0, at);
}

/** Cuts into pieces that take at most `bytesMax` on the wire each. The pieces are views. */
export function cutPrefixes(prefixes: PackedPrefixes, bytesMax: number): PackedPrefixes[] {
  const { words, pathIds } = prefixes;
  const step = wordsPerPrefix[prefixes.family];
  const pieces: PackedPrefixes[] = [];
  let start = 0;
  let bytes = 0;
  for (let word = 0; word < words.length; word += step) {
    const size = 1 + (((words[word + step - 1] ?? 0) + 7) >>> 3) + (pathIds ? pathIdBytes : 0);
    if (bytes + size > bytesMax) {
      pieces.push(pieceOf(prefixes, start / step, word / step));
      start = word;
      bytes = 0;
    }
    bytes += size;
  }
  if (start < words.length) pieces.push(pieceOf(prefixes, start / step, words.length / step));
  return pieces;
}

/** RFC 7911 §3. */
export const pathIdBytes = 4;

function pieceOf({ family, words, pathIds }: PackedPrefixes, start: number, end: number): PackedPrefixes {
  const step = wordsPerPrefix[family];
  const piece = { family, words: words.subarray(start * step, end * step) };
  return pathIds ? { ...piece, pathIds: pathIds.subarray(start, end) } : piece;
}

function countOnWire(bytes: Uint8Array, lengthMax: number, idBytes: number): number | null {
  let count = 0;
  let at = 0;
  while (at < bytes.length) {
    at += idBytes;
    if (at >= bytes.length) return null;
    const length = bytes[at] ?? 0;
    if (length > lengthMax) return null;
    at += 1 + ((length + 7) >>> 3);
    count++;
  }
  return at === bytes.length ? count : null;
}

/** The first `bits` of up to four bytes; the host bits, which a peer may leave set (RFC 4271 §4.3), become zero. */
function readWord(bytes: Uint8Array, at: number, bits: number): number {
  let word = (bytes[at] ?? 0) << 24;
  if (bits > 8) word |= (bytes[at + 1] ?? 0) << 16;
  if (bits > 16) word |= (bytes[at + 2] ?? 0) << 8;
  if (bits > 24) word |= bytes[at + 3] ?? 0;
  return word & (-1 << (32 - bits));
}
