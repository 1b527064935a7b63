/** Reading and making the packed prefixes of `PackedPrefixes`. */
import { type Family, formatAddress, type Prefix, parsePrefix } from "@brindle/net";
import type { PackedPrefixes } from "../wire/message.ts";
import { wordsPerPrefix } from "../wire/prefixes.ts";

export function packPrefix({ address: { family, value }, length }: Prefix): PackedPrefixes {
  const words = new Uint32Array(wordsPerPrefix[family]);
  const addressWords = words.length - 1;
  for (let i = 0; i < addressWords; i++) {
    words[i] = Number((value >> BigInt(32 * (addressWords - 1 - i))) & 0xffffffffn);
  }
  words[addressWords] = length;
  return { family, words };
}

/** Prefixes as text, by family; the first one that is no prefix as a string. */
export function packTexts(texts: readonly string[]): Readonly<Record<Family, PackedPrefixes>> | string {
  const words: Record<Family, number[]> = { 4: [], 6: [] };
  for (const text of texts) {
    if (packDottedQuad(text, words[4])) continue;
    const prefix = parsePrefix(text);
    if (!prefix) return text;
    words[prefix.address.family].push(...packPrefix(prefix).words);
  }
  return {
    4: { family: 4, words: Uint32Array.from(words[4]) },
    6: { family: 6, words: Uint32Array.from(words[6]) },
  };
}

/** A hundred thousand prefixes are read in one turn, and this takes a twentieth of what `parsePrefix` does. */
function packDottedQuad(text: string, words: number[]): boolean {
  const parts = text.split(/[./]/, 6);
  if (parts.length !== 5) return false;
  const numbers = parts.map(Number);
  const [a = 0, b = 0, c = 0, d = 0, length = 0] = numbers;
  const word = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  // What does not come out as it went in (leading zeros, signs, blanks, too large) is left to `parsePrefix`.
  if (prefixText({ family: 4, words: Uint32Array.of(word, length) }, 0) !== text || length > 32) return false;
  if (length < 32 && (word << length) >>> 0 !== 0) return false;
  words.push(word, length);
  return true;
}

/** The canonical text of the prefix at word `at`. IPv4 avoids big integers: tables of a million are printed. */
export function prefixText({ family, words }: PackedPrefixes, at: number): string {
  if (family === 4) {
    const word = words[at] ?? 0;
    return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}/${words[at + 1]}`;
  }
  let value = 0n;
  for (let i = 0; i < 4; i++) value = (value << 32n) | BigInt(words[at + i] ?? 0);
  return `${formatAddress({ family, value })}/${words[at + 4]}`;
}

/** The address, as a signed number, of the IPv4 prefix whose length stands at `at`; its host bits, which a peer may leave set, as zero. */
export function prefixWord(bytes: Uint8Array, at: number): number {
  const length = bytes[at] ?? 0;
  if (length === 0) return 0;
  let word = (bytes[at + 1] ?? 0) << 24;
  if (length > 8) word |= (bytes[at + 2] ?? 0) << 16;
  if (length > 16) word |= (bytes[at + 3] ?? 0) << 8;
  if (length > 24) word |= bytes[at + 4] ?? 0;
  return word & (-1 << (32 - length));
}
