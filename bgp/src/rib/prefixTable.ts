/**
 * Every prefix that anyone mentions, each once, under a small dense id. Who keeps an id retains it; the id of a prefix
 * that nobody retains is used again.
 */
import assert from "node:assert/strict";
import type { Family } from "@brindle/net";
import type { PackedPrefixes } from "../wire/message.ts";
import { wordsPerPrefix } from "../wire/prefixes.ts";
import { Column, chunkMask, IdPool, RowField, Rows } from "./column.ts";
import { HashIndex } from "./hashIndex.ts";
import { fixedHashKey, type HashKey, KeyedHash } from "./keyedHash.ts";
import { prefixText } from "./packed.ts";
import type { PrefixBatch } from "./prefixBatch.ts";
import { plainMemory, type TableMemory } from "./tableMemory.ts";

/** Zero is no prefix. */
export type PrefixId = number;

const v6Flag = 0x100;
/** In the shape of a prefix that waits to be decided. */
const waitsFlag = 0x200;
const lengthAndFamily: number = 0xff | v6Flag;

/** The places of a prefix's numbers in its row. */
export const prefixPlace = {
  /** The first word of the address. */
  word: 0,
  /** The length in bits, `v6Flag` and `waitsFlag`. */
  shape: 1,
  refs: 2,
  firstRoute: 3,
  bestRoute: 4,
} as const;
const rowWidth = 5;

/** Where in its chunk of `PrefixTable.rows` the row of a prefix begins. */
export function prefixRowAt(id: PrefixId): number {
  return (id & chunkMask) * rowWidth;
}

export class PrefixTable {
  readonly #ids: IdPool;
  /** For those that look at several numbers of a prefix: see `prefixPlace`. */
  readonly rows: Rows;
  readonly #words: readonly [RowField, Column, Column, Column];
  readonly #shapes: RowField;
  readonly #refs: RowField;
  /** `RouteTable`'s and `Rib`'s: they are asked for together with the prefix, so they lie beside it. Both zero once it is free. */
  readonly firstRoute: RowField;
  readonly bestRoute: RowField;
  readonly #index: HashIndex;
  readonly #hashes: KeyedHash;

  constructor(hashKey: HashKey = fixedHashKey, memory: TableMemory = plainMemory) {
    const rows = new Rows(rowWidth, memory);
    this.#ids = new IdPool(memory);
    this.rows = rows;
    const word = new RowField(rows, prefixPlace.word);
    this.#words = [word, new Column(memory), new Column(memory), new Column(memory)];
    this.#shapes = new RowField(rows, prefixPlace.shape);
    this.#refs = new RowField(rows, prefixPlace.refs);
    this.firstRoute = new RowField(rows, prefixPlace.firstRoute);
    this.bestRoute = new RowField(rows, prefixPlace.bestRoute);
    this.#index = new HashIndex(memory);
    this.#hashes = new KeyedHash(hashKey);
  }

  get size(): number {
    return this.#index.size;
  }

  /** Every id in use is below; ids between may be free. */
  get idsEnd(): PrefixId {
    return this.#ids.end;
  }

  /** The prefix at word `at` of a packed list, or zero. */
  find({ family, words }: PackedPrefixes, at: number): PrefixId {
    return family === 4
      ? this.find4((words[at] ?? 0) | 0, words[at + 1] ?? 0)
      : this.#find6(words, at, words[at + 4] ?? 0, this.#hash6(words, at));
  }

  /** As `find`, but a new prefix gets an id, which lives once it is retained. */
  intern({ family, words }: PackedPrefixes, at: number): PrefixId {
    if (family === 6) return this.intern6(words, at);
    const [word, length] = [(words[at] ?? 0) | 0, words[at + 1] ?? 0];
    return this.#intern4(word, length, this.#hashes.prefix4(word, length));
  }

  /** An IPv4 prefix by its address as a signed number, which needs no object, host bits zero, and its length. */
  find4(word: number, length: number): PrefixId {
    return this.#find4(word, length, this.#hashes.prefix4(word, length));
  }

  /** Gives each prefix of the batch its id: zero to those that nobody has mentioned. */
  findAll(batch: PrefixBatch): void {
    this.#fetch(batch);
    const { words, lengths, hashes, ids, count } = batch;
    for (let i = 0; i < count; i++) ids[i] = this.#find4(words[i] ?? 0, lengths[i] ?? 0, hashes[i] ?? 0);
  }

  /** As `findAll`, but new prefixes get ids, which live once they are retained. */
  internAll(batch: PrefixBatch): void {
    this.#fetch(batch);
    const { words, lengths, hashes, ids, count } = batch;
    for (let i = 0; i < count; i++) ids[i] = this.#intern4(words[i] ?? 0, lengths[i] ?? 0, hashes[i] ?? 0);
  }

  /**
   * Has the places of all be fetched from memory before they are searched for: those that are asked for one after the other
   * come together, where each search would wait for its own.
   */
  #fetch({ words, lengths, hashes, count }: PrefixBatch): void {
    for (let i = 0; i < count; i++) hashes[i] = this.#hashes.prefix4(words[i] ?? 0, lengths[i] ?? 0);
    // A loop of its own, with nothing else in it: the processor looks ahead only so far.
    let fetched = 0;
    for (let i = 0; i < count; i++) fetched |= this.#index.peek(hashes[i] ?? 0);
    assert(fetched >= 0); // Read, so that it is not left out.
  }

  #intern4(word: number, length: number, hash: number): PrefixId {
    const known = this.#find4(word, length, hash);
    if (known !== 0) return known;
    const id = this.#ids.take();
    const row = this.rows.chunkOf(id);
    const at = prefixRowAt(id);
    row[at + prefixPlace.word] = word;
    row[at + prefixPlace.shape] = length;
    this.#index.insert(id, hash);
    return id;
  }

  /** An IPv6 prefix of four words, host bits zero, then its length, from `words[at]` on. */
  find6(words: Uint32Array, at: number): PrefixId {
    return this.#find6(words, at, words[at + 4] ?? 0, this.#hash6(words, at));
  }

  intern6(words: Uint32Array, at: number): PrefixId {
    const hash = this.#hash6(words, at);
    const length = words[at + 4] ?? 0;
    const known = this.#find6(words, at, length, hash);
    if (known !== 0) return known;
    const id = this.#ids.take();
    for (let i = 0; i < 4; i++) this.#words[i]?.set(id, words[at + i] ?? 0);
    this.#shapes.set(id, length | v6Flag);
    this.#index.insert(id, hash);
    return id;
  }

  retain(id: PrefixId): void {
    const row = this.rows.chunkOf(id);
    const at = prefixRowAt(id) + prefixPlace.refs;
    row[at] = (row[at] ?? 0) + 1;
  }

  release(id: PrefixId): void {
    const row = this.rows.chunkOf(id);
    const at = prefixRowAt(id) + prefixPlace.refs;
    const refs = row[at] ?? 0;
    if (refs === 0) assert.fail(`prefix ${id} is released once too often`);
    row[at] = refs - 1;
    if (refs === 1) this.#free(id);
  }

  #free(id: PrefixId): void {
    this.#index.remove(id, this.#hash(id));
    this.#ids.giveBack(id);
    if (this.size > 0) return;
    this.rows.clear();
    for (const column of this.#words.slice(1)) if (column instanceof Column) column.clear();
  }

  /** Whether it was not waiting; from now on it is, and is retained. */
  startWaiting(id: PrefixId): boolean {
    const row = this.rows.chunkOf(id);
    const at = prefixRowAt(id);
    const shape = row[at + prefixPlace.shape] ?? 0;
    if ((shape & waitsFlag) !== 0) return false;
    row[at + prefixPlace.shape] = shape | waitsFlag;
    row[at + prefixPlace.refs] = (row[at + prefixPlace.refs] ?? 0) + 1;
    return true;
  }

  /** A prefix without routes gets its first one, which retains it, and waits. Whether it was not waiting. */
  startWith(id: PrefixId, route: number): boolean {
    const row = this.rows.chunkOf(id);
    const at = prefixRowAt(id);
    row[at + prefixPlace.firstRoute] = route;
    const refs = row[at + prefixPlace.refs] ?? 0;
    const shape = row[at + prefixPlace.shape] ?? 0;
    const waited = (shape & waitsFlag) !== 0;
    row[at + prefixPlace.shape] = shape | waitsFlag;
    row[at + prefixPlace.refs] = waited ? refs + 1 : refs + 2;
    return !waited;
  }

  /** Its turn has come; who asked for it releases it. */
  stopWaiting(id: PrefixId): void {
    const row = this.rows.chunkOf(id);
    const at = prefixRowAt(id) + prefixPlace.shape;
    row[at] = (row[at] ?? 0) & ~waitsFlag;
  }

  isWaiting(id: PrefixId): boolean {
    return (this.#shapes.get(id) & waitsFlag) !== 0;
  }

  isLive(id: PrefixId): boolean {
    return this.#refs.get(id) > 0;
  }

  family(id: PrefixId): Family {
    return this.#shapes.get(id) & v6Flag ? 6 : 4;
  }

  length(id: PrefixId): number {
    return this.#shapes.get(id) & 0xff;
  }

  /** One of the address's words, high word first; IPv4 has only word 0. */
  word(id: PrefixId, index: 0 | 1 | 2 | 3): number {
    return this.#words[index].get(id);
  }

  text(id: PrefixId): string {
    return prefixText(this.pack([id], this.family(id)), 0);
  }

  /** The form that the wire takes. */
  pack(ids: readonly PrefixId[], family: Family): PackedPrefixes {
    const words = new Uint32Array(ids.length * wordsPerPrefix[family]);
    let at = 0;
    for (const id of ids) {
      words[at++] = this.#words[0].get(id);
      for (let i = 1; family === 6 && i < 4; i++) words[at++] = this.#words[i]?.get(id) ?? 0;
      words[at++] = this.length(id);
    }
    return { family, words };
  }

  #find4(word: number, length: number, hash: number): PrefixId {
    const index = this.#index;
    let id = index.first(hash);
    while (id !== 0 && !this.#equals4(id, word, length)) id = index.next();
    return id;
  }

  #equals4(id: PrefixId, word: number, length: number): boolean {
    const row = this.rows.chunkOf(id);
    const at = prefixRowAt(id);
    if (row[at + prefixPlace.word] !== word) return false;
    return ((row[at + prefixPlace.shape] ?? 0) & lengthAndFamily) === length;
  }

  #find6(words: Uint32Array, at: number, length: number, hash: number): PrefixId {
    const index = this.#index;
    let id = index.first(hash);
    while (id !== 0 && !this.#equals6(id, words, at, length)) id = index.next();
    return id;
  }

  #hash(id: PrefixId): number {
    const [w0, w1, w2, w3] = this.#words;
    const length = this.length(id);
    if (this.family(id) === 4) return this.#hashes.prefix4(w0.get(id), length);
    return this.#hashes.prefix6(w0.get(id), w1.get(id), w2.get(id), w3.get(id), length);
  }

  #hash6(words: Uint32Array, at: number): number {
    const w0 = words[at] ?? 0;
    return this.#hashes.prefix6(w0, words[at + 1] ?? 0, words[at + 2] ?? 0, words[at + 3] ?? 0, words[at + 4] ?? 0);
  }

  #equals6(id: PrefixId, words: Uint32Array, at: number, length: number): boolean {
    return (
      (this.#shapes.get(id) & lengthAndFamily) === (length | v6Flag) &&
      this.#words[3].get(id) === words[at + 3] &&
      this.#words[1].get(id) === words[at + 1] &&
      this.#words[2].get(id) === words[at + 2] &&
      this.#words[0].get(id) === words[at]
    );
  }
}
