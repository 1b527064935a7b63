import { describe, expect, it } from "vitest";
import { countPrefixes, cutPrefixes, decodePackedPrefixes, encodePackedPrefixes } from "./prefixes.ts";
import { hex, packed, seededRandom, unpacked } from "./testing.ts";

const rows: { name: string; family: 4 | 6; bytes: string; texts: string[] }[] = [
  { name: "nothing", family: 4, bytes: "", texts: [] },
  { name: "the IPv4 default route", family: 4, bytes: "00", texts: ["0.0.0.0/0"] },
  { name: "an IPv4 host", family: 4, bytes: "20 ffffffff", texts: ["255.255.255.255/32"] },
  {
    name: "IPv4 lengths inside a byte",
    family: 4,
    bytes: "01 80 09 0a80 11 0a0080",
    texts: ["128.0.0.0/1", "10.128.0.0/9", "10.0.128.0/17"],
  },
  { name: "the IPv6 default route", family: 6, bytes: "00", texts: ["::/0"] },
  {
    name: "IPv6 lengths at and across words",
    family: 6,
    bytes: "20 20010db8 21 20010db880 40 20010db800000001",
    texts: ["2001:db8::/32", "2001:db8:8000::/33", "2001:db8:0:1::/64"],
  },
  {
    name: "an IPv6 host",
    family: 6,
    bytes: `80 ${"ff".repeat(16)}`,
    texts: ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"],
  },
];

describe("decodePackedPrefixes and encodePackedPrefixes", () => {
  for (const { name, family, bytes, texts } of rows) {
    const prefixes = { ...packed(...texts), family };
    it(`decodes ${name}`, () => expect(decodePackedPrefixes(hex(bytes), family)).toEqual(prefixes));
    it(`encodes ${name}`, () => expect(encodePackedPrefixes(prefixes).toHex()).toBe(hex(bytes).toHex()));
  }

  const refused: { name: string; family: 4 | 6; bytes: string }[] = [
    { name: "33 bits of IPv4", family: 4, bytes: "21 0a00000000" },
    { name: "129 bits of IPv6", family: 6, bytes: `81 ${"00".repeat(17)}` },
    { name: "a length without its bytes", family: 4, bytes: "18 0a00" },
    { name: "a last prefix that is cut off", family: 4, bytes: "08 0a 08" },
  ];
  for (const { name, family, bytes } of refused) {
    it(`refuses ${name}`, () => expect(decodePackedPrefixes(hex(bytes), family)).toBeNull());
  }

  it("clears host bits inside the last byte (RFC 4271 §4.3)", () => {
    const prefixes = decodePackedPrefixes(hex("0c 0aff 1f c0000203"), 4);
    expect(prefixes && unpacked(prefixes)).toEqual(["10.240.0.0/12", "192.0.2.2/31"]);
  });

  it("agrees with itself over 2,000 random prefixes of each family (seed 11)", () => {
    const random = seededRandom(11);
    for (const family of [4, 6] as const) {
      const words = randomWords(family, 2000, random);
      const encoded = encodePackedPrefixes({ family, words });
      expect(decodePackedPrefixes(encoded, family)).toEqual({ family, words });
    }
  });

  // Were each looked for from the start, or were what is decoded copied for each, the test's time would not do.
  it("decodes 1,000,000 prefixes, in time that grows as they do", () => {
    const encoded = encodePackedPrefixes({ family: 4, words: randomWords(4, 1_000_000, seededRandom(3)) });
    const decoded = decodePackedPrefixes(encoded, 4);
    expect(decoded && countPrefixes(decoded)).toBe(1_000_000);
  });
});

describe("cutPrefixes", () => {
  it("keeps every prefix, in order, in pieces that fit", () => {
    const whole = { family: 6, words: randomWords(6, 500, seededRandom(5)) } as const;
    for (const bytesMax of [17, 40, 333, 100_000]) {
      const pieces = cutPrefixes(whole, bytesMax);
      for (const piece of pieces) expect(encodePackedPrefixes(piece).length).toBeLessThanOrEqual(bytesMax);
      expect(pieces.flatMap(unpacked)).toEqual(unpacked(whole));
    }
  });

  it("makes no piece of nothing", () => expect(cutPrefixes(packed(), 100)).toEqual([]));
});

function randomWords(family: 4 | 6, count: number, random: (limit: number) => number): Uint32Array {
  const wordsOfAddress = family === 4 ? 1 : 4;
  const words = new Uint32Array(count * (wordsOfAddress + 1));
  for (let at = 0; at < words.length; at += wordsOfAddress + 1) {
    const length = random(wordsOfAddress * 32 + 1);
    for (let i = 0; i < wordsOfAddress; i++) {
      const bits = Math.max(0, Math.min(32, length - i * 32));
      words[at + i] = bits === 0 ? 0 : random(2 ** 32) & (-1 << (32 - bits));
    }
    words[at + wordsOfAddress] = length;
  }
  return words;
}
