/**
 * Hashes that a peer cannot foresee: HalfSipHash-1-3 (Aumasson and Bernstein, "SipHash", 2012, in its form of 32 bits), by a
 * key that the process keeps to itself. Who chooses prefixes or attributes cannot choose such as share a hash, or the
 * leading bits of one, so that no table is made slow or large on purpose.
 */

/** Two words. What a speaker does never depends on it, but how long it takes may. */
export type HashKey = readonly [low: number, high: number];

/** For runs that are to take the same time again; who hears strangers takes a random one. */
export const fixedHashKey: HashKey = [0x03020100, 0x07060504];

const finalRounds = 3;

export class KeyedHash {
  readonly #low: number;
  readonly #high: number;
  /** What is hashed, as words. */
  #words: Uint32Array = new Uint32Array(256);

  constructor([low, high]: HashKey) {
    this.#low = low | 0;
    this.#high = high | 0;
  }

  /** Of an IPv4 prefix: of five bytes, its address and its length. A signed number, as all hashes here. */
  prefix4(word: number, length: number): number {
    const words = this.#words;
    words[0] = word;
    words[1] = length | (5 << 24);
    return this.#run(2);
  }

  /** Of an IPv6 prefix: of seventeen bytes, the address's words, high word first, and its length. */
  prefix6(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const words = this.#words;
    words[0] = w0;
    words[1] = w1;
    words[2] = w2;
    words[3] = w3;
    words[4] = length | (17 << 24);
    return this.#run(5);
  }

  bytes(bytes: Uint8Array, length: number): number {
    const whole = length >>> 2;
    if (this.#words.length <= whole) this.#words = new Uint32Array(2 * whole);
    const words = this.#words;
    for (let i = 0, at = 0; i < whole; i++, at += 4) {
      words[i] =
        (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
    }
    let last = length << 24;
    for (let at = 4 * whole; at < length; at++) last |= (bytes[at] ?? 0) << (8 * (at & 3));
    words[whole] = last;
    return this.#run(whole + 1);
  }

  /** A round for each of the first `count` words, and the final ones, which are as rounds for words of zero. */
  #run(count: number): number {
    const words = this.#words;
    let v0 = this.#low;
    let v1 = this.#high;
    let v2 = 0x6c796765 ^ this.#low;
    let v3 = 0x74656462 ^ this.#high;
    for (let i = 0; i < count + finalRounds; i++) {
      const word = i < count ? (words[i] ?? 0) | 0 : 0;
      if (i === count) v2 ^= 0xff;
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    return v1 ^ v3;
  }
}
