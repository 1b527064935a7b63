/** Bytes and values for the tests of this folder, written the way a person reads them. Nothing else imports it. */
import { addressBytes, addressFromBytes, formatPrefix, parseAddress, parsePrefix } from "@brindle/net";
import type { CodecContext } from "./contract.ts";
import { withHeader } from "./header.ts";
import type { PackedPrefixes, Update } from "./message.ts";
import { wordsPerPrefix } from "./prefixes.ts";

/** Spaces are for the reader. */
export function hex(text: string): Uint8Array {
  return Uint8Array.fromHex(text.replaceAll(" ", ""));
}

export const externalPeer: CodecContext = { fourOctetAs: true, external: true, families: [4, 6] };
export const internalPeer: CodecContext = { fourOctetAs: true, external: false, families: [4, 6] };
export const twoOctetPeer: CodecContext = { fourOctetAs: false, external: true, families: [4, 6] };

/** Flags, code, a length of one byte, value. */
export function attribute(flags: number, code: number, value: string): string {
  const bytes = hex(value);
  return Uint8Array.of(flags, code, bytes.length).toHex() + bytes.toHex();
}

/** A whole UPDATE out of its three fields. */
export function updateBytes(fields: { withdrawn?: string; attributes?: string; nlri?: string }): Uint8Array {
  const { withdrawn = "", attributes = "", nlri = "" } = fields;
  const body = [withLength(hex(withdrawn)), withLength(hex(attributes)), hex(nlri).toHex()];
  return withHeader("update", hex(body.join("")));
}

/** All of one family. */
export function packed(...texts: string[]): PackedPrefixes {
  const prefixes = texts.map((text) => {
    const prefix = parsePrefix(text);
    if (!prefix) throw new Error(`${text} is no prefix`);
    return prefix;
  });
  const words = prefixes.flatMap(({ address, length }) => {
    const view = new DataView(addressBytes(address).buffer);
    return [...Array(view.byteLength / 4).keys()].map((i) => view.getUint32(i * 4)).concat(length);
  });
  return { family: prefixes[0]?.address.family ?? 4, words: Uint32Array.from(words) };
}

export function unpacked({ family, words }: PackedPrefixes): string[] {
  const step = wordsPerPrefix[family];
  const texts: string[] = [];
  for (let at = 0; at < words.length; at += step) {
    const bytes = new Uint8Array((step - 1) * 4);
    for (let i = 0; i < step - 1; i++) new DataView(bytes.buffer).setUint32(i * 4, words[at + i] ?? 0);
    texts.push(formatPrefix({ address: addressFromBytes(bytes), length: words[at + step - 1] ?? 0 }));
  }
  return texts;
}

export function address(text: string): NonNullable<ReturnType<typeof parseAddress>> {
  const parsed = parseAddress(text);
  if (!parsed) throw new Error(`${text} is no address`);
  return parsed;
}

export function update(parts: Partial<Update>): Update {
  return { type: "update", withdrawn: [], announced: [], attributes: null, endOfRib: null, faults: [], ...parts };
}

/** Numbers that look random and are the same for the same seed (mulberry32), from 0 to below `limit`. */
export function seededRandom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

function withLength(bytes: Uint8Array): string {
  return Uint8Array.of(bytes.length >>> 8, bytes.length).toHex() + bytes.toHex();
}
