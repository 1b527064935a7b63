import { describe, expect, it } from "vitest";
import { fixedHashKey, type HashKey, KeyedHash } from "./keyedHash.ts";

describe("KeyedHash", () => {
  // The vectors that Linux tests its hsiphash by (lib/tests/siphash_kunit.c): of the bytes 0, 1, 2, …, so many of them.
  it.each([
    { length: 0, hash: 0x5814c896 },
    { length: 1, hash: 0xe7e864ca },
    { length: 2, hash: 0xbc4b0e30 },
    { length: 3, hash: 0x01539939 },
    { length: 4, hash: 0x7e059ea6 },
    { length: 5, hash: 0x88e3d89b },
    { length: 8, hash: 0x577999b1 },
  ])("is HalfSipHash-1-3 of $length bytes", ({ length, hash }) => {
    const bytes = Uint8Array.from({ length }, (_, i) => i);
    expect(new KeyedHash(fixedHashKey).bytes(bytes, length) >>> 0).toBe(hash);
  });

  it("hashes a prefix as the bytes of its words and its length", () => {
    const hash = new KeyedHash([1, 2]);
    const bytes4 = Uint8Array.of(4, 3, 2, 1, 24);
    expect(hash.prefix4(0x01020304, 24)).toBe(hash.bytes(bytes4, 5));
    const bytes6 = Uint8Array.of(4, 3, 2, 1, 8, 7, 6, 5, 0, 0, 0, 0xff, 1, 0, 0, 0, 128);
    expect(hash.prefix6(0x01020304, 0x05060708, 0xff000000, 1, 128)).toBe(hash.bytes(bytes6, 17));
  });

  it("takes the longest attributes there are", () => {
    const hash = new KeyedHash(fixedHashKey);
    const bytes = new Uint8Array(65_535).fill(7);
    const before = hash.bytes(bytes, bytes.length);
    bytes[65_534] = 8;
    expect(hash.bytes(bytes, bytes.length)).not.toBe(before);
  });

  it("has prefixes that collide by one key apart by another", () => {
    const known = new KeyedHash(fixedHashKey);
    const leading = (key: HashKey, words: readonly number[]): Set<number> => {
      const hash = new KeyedHash(key);
      return new Set(words.map((word) => hash.prefix4(word, 32) >>> 24));
    };
    const chosen = Array.from({ length: 60_000 }, (_, i) => i).filter((i) => known.prefix4(i, 32) >>> 24 === 0);
    expect(chosen.length).toBeGreaterThan(150);
    expect(leading(fixedHashKey, chosen).size).toBe(1);
    expect(leading([fixedHashKey[0] + 1, fixedHashKey[1]], chosen).size).toBeGreaterThan(64);
    expect(leading([fixedHashKey[0], fixedHashKey[1] + 1], chosen).size).toBeGreaterThan(64);
  });
});
