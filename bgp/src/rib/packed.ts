/** Reading and making the packed prefixes of `PackedPrefixes`. */
import { formatAddress, type Prefix } from "@brindle/net";
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
