/**
 * IPv4 prefixes from UPDATEs, a column for each thing that is known of them. Made once and filled again and again: what a
 * table comes in makes no object, and each step is taken for all of them before the next one, so that what they wait for
 * from memory comes at once.
 */
import { prefixWord } from "./packed.ts";

/** Enough for what ordinary messages say; one of 65,535 bytes (RFC 8654) may have a prefix in each. */
const prefixesAtFirst = 8_192;
const prefixesMax = 65_536;

export class PrefixBatch {
  count = 0;
  /** Addresses as signed numbers, host bits zero. */
  words: Int32Array = new Int32Array(prefixesAtFirst);
  lengths: Uint8Array = new Uint8Array(prefixesAtFirst);
  hashes: Int32Array = new Int32Array(prefixesAtFirst);
  /** Of `PrefixTable`. */
  ids: Int32Array = new Int32Array(prefixesAtFirst);

  /** Whether there is, or can be, room for whatever so many bytes hold. */
  hasRoom(bytes: number): boolean {
    return this.count + bytes <= prefixesMax;
  }

  /** Adds the prefixes in `bytes[start…end)`, which are whole and of no more than 32 bits. */
  add(bytes: Uint8Array, start: number, end: number): void {
    let count = this.count;
    if (count + end - start > this.words.length) this.#grow();
    for (let at = start; at < end; ) {
      const length = bytes[at] ?? 0;
      this.words[count] = prefixWord(bytes, at);
      this.lengths[count] = length;
      count += 1;
      at += 1 + ((length + 7) >>> 3);
    }
    this.count = count;
  }

  /** To the most that there may be, with what is in it. */
  #grow(): void {
    const { words, lengths, hashes, ids } = this;
    this.words = new Int32Array(prefixesMax);
    this.lengths = new Uint8Array(prefixesMax);
    this.hashes = new Int32Array(prefixesMax);
    this.ids = new Int32Array(prefixesMax);
    this.words.set(words);
    this.lengths.set(lengths);
    this.hashes.set(hashes);
    this.ids.set(ids);
  }
}

/** Prefixes that one peer announced, from several UPDATEs: those of each have attributes and next hop of their own. */
export class Announced {
  readonly prefixes: PrefixBatch = new PrefixBatch();
  peer = 0;
  /** How many UPDATEs there are. */
  count = 0;
  /** Of each: its attributes, its next hop, and the end of its prefixes. */
  readonly attrs: Int32Array = new Int32Array(announcedMax);
  readonly hops: Int32Array = new Int32Array(announcedMax);
  readonly ends: Int32Array = new Int32Array(announcedMax);

  /** Enough for the waits for memory to overlap, and little enough for what was fetched to stay near. */
  get isFull(): boolean {
    return this.prefixes.count >= announcedMax;
  }

  /** The prefixes have been added. */
  end(attr: number, hop: number): void {
    this.attrs[this.count] = attr;
    this.hops[this.count] = hop;
    this.ends[this.count] = this.prefixes.count;
    this.count += 1;
  }

  clear(): void {
    this.count = this.prefixes.count = 0;
  }
}

const announcedMax = 512;
