/**
 * Every prefix that anyone mentions, each once, under a small dense id: open addressing with linear probing on the
 * address words and the length. Who keeps an id retains it; the id of a prefix that nobody retains is used again.
 */
import assert from "node:assert/strict";
import type { Family } from "@brindle/net";
import type { PackedPrefixes } from "../wire/message.ts";
import { wordsPerPrefix } from "../wire/prefixes.ts";
import { Column, IdPool } from "./column.ts";
import { prefixText } from "./packed.ts";

/** Zero is no prefix. */
export type PrefixId = number;

const v6Flag = 0x100;
const slotsAtStart = 1024;

export class PrefixTable {
  readonly #ids = new IdPool();
  readonly #words = [new Column(), new Column(), new Column(), new Column()] as const;
  /** The length in bits, and `v6Flag`. */
  readonly #shapes = new Column();
  readonly #refs = new Column();
  /** Prefix ids, zero where free. Never more than half full, so that probes stay short. */
  #slots = new Uint32Array(slotsAtStart);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Every id in use is below; ids between may be free. */
  get idsEnd(): PrefixId {
    return this.#ids.end;
  }

  /** The prefix at word `at` of a packed list, or zero. */
  find(packed: PackedPrefixes, at: number): PrefixId {
    return this.#slots[this.#slotOf(packed, at)] ?? 0;
  }

  /** As `find`, but a new prefix gets an id, which lives once it is retained. */
  intern(packed: PackedPrefixes, at: number): PrefixId {
    let slot = this.#slotOf(packed, at);
    const known = this.#slots[slot] ?? 0;
    if (known !== 0) return known;
    if (2 * (this.#size + 1) > this.#slots.length) {
      this.#growSlots();
      slot = this.#slotOf(packed, at);
    }
    const id = this.#ids.take();
    const addressWords = packed.family === 4 ? 1 : 4;
    for (let i = 0; i < addressWords; i++) this.#words[i]?.set(id, packed.words[at + i] ?? 0);
    this.#shapes.set(id, (packed.words[at + addressWords] ?? 0) | (packed.family === 6 ? v6Flag : 0));
    this.#slots[slot] = id;
    this.#size += 1;
    return id;
  }

  retain(id: PrefixId): void {
    this.#refs.set(id, this.#refs.get(id) + 1);
  }

  release(id: PrefixId): void {
    const refs = this.#refs.get(id);
    assert(refs > 0, `prefix ${id} is released once too often`);
    this.#refs.set(id, refs - 1);
    if (refs === 1) this.#free(id);
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

  /** The slot of this prefix, or the free one where it would go. */
  #slotOf(packed: PackedPrefixes, at: number): number {
    const mask = this.#slots.length - 1;
    let slot = hashPacked(packed, at) & mask;
    while (true) {
      const id = this.#slots[slot] ?? 0;
      if (id === 0 || this.#equals(id, packed, at)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #equals(id: PrefixId, packed: PackedPrefixes, at: number): boolean {
    const { words, family } = packed;
    if (family === 4) return this.#words[0].get(id) === words[at] && this.#shapes.get(id) === words[at + 1];
    return (
      this.#words[3].get(id) === words[at + 3] &&
      this.#words[1].get(id) === words[at + 1] &&
      this.#words[2].get(id) === words[at + 2] &&
      this.#words[0].get(id) === words[at] &&
      this.#shapes.get(id) === ((words[at + 4] ?? 0) | v6Flag)
    );
  }

  #hash(id: PrefixId): number {
    const [w0, w1, w2, w3] = this.#words;
    const low = this.family(id) === 6 ? mix(w1.get(id), w2.get(id), w3.get(id)) : 0;
    return mix(w0.get(id), low, this.length(id));
  }

  #growSlots(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(before.length * 2);
    const mask = this.#slots.length - 1;
    for (const id of before) {
      if (id === 0) continue;
      let slot = this.#hash(id) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = id;
    }
  }

  /** Closes the gap by moving back whatever had probed past it, so that no tombstone is ever needed. */
  #free(id: PrefixId): void {
    const mask = this.#slots.length - 1;
    let gap = this.#hash(id) & mask;
    while (this.#slots[gap] !== id) gap = (gap + 1) & mask;
    for (let slot = (gap + 1) & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const other = this.#slots[slot] ?? 0;
      const home = this.#hash(other) & mask;
      if (((slot - home) & mask) < ((slot - gap) & mask)) continue; // It would land before its home.
      this.#slots[gap] = other;
      gap = slot;
    }
    this.#slots[gap] = 0;
    this.#ids.giveBack(id);
    this.#size -= 1;
  }
}

function hashPacked({ family, words }: PackedPrefixes, at: number): number {
  if (family === 4) return mix(words[at] ?? 0, 0, words[at + 1] ?? 0);
  const low = mix(words[at + 1] ?? 0, words[at + 2] ?? 0, words[at + 3] ?? 0);
  return mix(words[at] ?? 0, low, words[at + 4] ?? 0);
}

/** Prefixes differ in few, neighbouring bits: multiply to spread them, then fold the high half onto the low one. */
function mix(a: number, b: number, c: number): number {
  let h = Math.imul(a ^ (a >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ b ^ (h >>> 12), 0x297a2d39);
  h = Math.imul(h ^ (c * 0x9e3779b1) ^ (h >>> 15), 0x85ebca6b);
  return (h ^ (h >>> 16)) >>> 0;
}
