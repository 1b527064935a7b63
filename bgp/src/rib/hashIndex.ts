/**
 * Ids by hash: open addressing in segments, each of which is split in two when it is full, so that a table of a million
 * is never rehashed at once (Fagin et al., "Extendible Hashing", 1979). A slot holds the whole hash beside the id: what
 * is looked for in vain costs one access to memory. What makes two things equal is the caller's to know. Hashes are signed
 * numbers of 32 bits, which need no object.
 *
 * Hashes that share their leading bits would have one segment split for ever: beyond `depthMax` a segment grows instead,
 * so that memory is bounded by the number of ids whatever their hashes are. Time is not: use a `KeyedHash`.
 */

import { plainMemory, type TableMemory } from "./tableMemory.ts";

const segmentBits = 12;
const slotsOfSegment: number = 1 << segmentBits;
/** Probes stay short below this part of the slots. */
const usedPart = 5 / 8;
/** Enough for forty million ids of ordinary hashes; the directory then has 16,384 places. */
const depthMax = 14;

/** Slots of two words, hash and id; an id of zero is a free slot. */
interface Segment {
  words: Uint32Array;
  /** How many leading bits of the hash all that is in it has in common. */
  depth: number;
  used: number;
}

export class HashIndex {
  /** By the leading `#depth` bits of the hash. */
  #segments: Segment[];
  #depth = 0;
  #size = 0;
  /** Where the last search came to. */
  #slot = 0;
  #hash = 0;
  readonly #memory: TableMemory;

  constructor(memory: TableMemory = plainMemory) {
    this.#memory = memory;
    this.#segments = [newSegment(0, memory)];
  }

  get size(): number {
    return this.#size;
  }

  /** What it takes of memory: slots, and places of its directory. */
  get room(): { readonly slots: number; readonly places: number } {
    const slots = new Set(this.#segments).values().reduce((sum, { words }) => sum + (words.length >>> 1), 0);
    return { slots, places: this.#segments.length };
  }

  /** An id that was inserted with this hash, or zero. `next` gives the others. */
  first(hash: number): number {
    const { words } = this.#segmentOf(hash);
    this.#hash = hash;
    return this.#match(words, hash & slotMaskOf(words));
  }

  /** Another id of the hash that `first` was asked for, with nothing inserted or removed since; or zero. */
  next(): number {
    const { words } = this.#segmentOf(this.#hash);
    return this.#match(words, (this.#slot + 1) & slotMaskOf(words));
  }

  /** What stands where a search for this hash begins, to have it fetched from memory before it is searched for. */
  peek(hash: number): number {
    const { words } = this.#segmentOf(hash);
    return words[2 * (hash & slotMaskOf(words)) + 1] ?? 0;
  }

  insert(id: number, hash: number): void {
    let segment = this.#segmentOf(hash);
    while (isFull(segment)) {
      if (segment.depth < depthMax) this.#split(hash, segment);
      else grow(segment, this.#memory);
      segment = this.#segmentOf(hash);
    }
    place(segment, hash, id);
    this.#size += 1;
  }

  /** It was inserted with this hash. */
  remove(id: number, hash: number): void {
    const segment = this.#segmentOf(hash);
    const { words } = segment;
    const slotMask = slotMaskOf(words);
    let gap = hash & slotMask;
    while (words[2 * gap + 1] !== id) gap = (gap + 1) & slotMask;
    // Whatever had probed past it moves back, so that no tombstone is ever needed.
    for (let slot = (gap + 1) & slotMask; words[2 * slot + 1] !== 0; slot = (slot + 1) & slotMask) {
      const home = (words[2 * slot] ?? 0) & slotMask;
      if (((slot - home) & slotMask) < ((slot - gap) & slotMask)) continue; // It would land before its home.
      words[2 * gap] = words[2 * slot] ?? 0;
      words[2 * gap + 1] = words[2 * slot + 1] ?? 0;
      gap = slot;
    }
    words[2 * gap + 1] = 0;
    segment.used -= 1;
    this.#size -= 1;
    if (this.#size === 0) this.#clear();
  }

  #clear(): void {
    for (const { words } of new Set(this.#segments)) this.#memory.giveBack(words.byteLength);
    [this.#segments, this.#depth] = [[newSegment(0, this.#memory)], 0];
  }

  #segmentOf(hash: number): Segment {
    const segment = this.#segments[this.#depth === 0 ? 0 : hash >>> (32 - this.#depth)];
    if (!segment) throw new RangeError("a hash is a number of 32 bits");
    return segment;
  }

  #match(words: Uint32Array, from: number): number {
    const slotMask = slotMaskOf(words);
    const hash = this.#hash;
    for (let slot = from; ; slot = (slot + 1) & slotMask) {
      const id = words[2 * slot + 1] ?? 0;
      if (id === 0 || ((words[2 * slot] ?? 0) | 0) === hash) {
        this.#slot = slot;
        return id;
      }
    }
  }

  /** What has a further bit of zero stays where it is: half of the memory is had already. */
  #split(hash: number, full: Segment): void {
    if (full.depth === this.#depth) {
      this.#segments = this.#segments.flatMap((segment) => [segment, segment]);
      this.#depth += 1;
    }
    full.depth += 1;
    const high = newSegment(full.depth, this.#memory);
    deal(full, high);
    const share = 2 ** (this.#depth - full.depth);
    const start = Math.floor((hash >>> (32 - this.#depth)) / (2 * share)) * 2 * share;
    for (let i = share; i < 2 * share; i++) this.#segments[start + i] = high;
  }
}

function slotMaskOf(words: Uint32Array): number {
  return (words.length >>> 1) - 1;
}

function isFull({ words, used }: Segment): boolean {
  return used >= (words.length >>> 1) * usedPart;
}

/** Twice the slots, told apart by a further one of the hash's trailing bits. */
function grow(segment: Segment, memory: TableMemory): void {
  const { words } = segment;
  segment.words = memory.uint32(2 * words.length);
  memory.giveBack(words.byteLength);
  segment.used = 0;
  for (let at = 0; at < words.length; at += 2) {
    const id = words[at + 1] ?? 0;
    if (id !== 0) place(segment, words[at] ?? 0, id);
  }
}

/** What `deal` goes through: segments are of one size as long as they split. */
const dealt: Uint32Array = new Uint32Array(2 * slotsOfSegment);

/** Leaves to `low`, which has all, what has a zero for the last of the leading bits in common, and gives `high` the rest. */
function deal(low: Segment, high: Segment): void {
  dealt.set(low.words);
  low.words.fill(0);
  low.used = 0;
  const shift = 32 - low.depth;
  for (let at = 0; at < dealt.length; at += 2) {
    const id = dealt[at + 1] ?? 0;
    const hash = dealt[at] ?? 0;
    if (id !== 0) place(((hash >>> shift) & 1) === 1 ? high : low, hash, id);
  }
}

function place(segment: Segment, hash: number, id: number): void {
  const { words } = segment;
  const slotMask = slotMaskOf(words);
  let slot = hash & slotMask;
  while (words[2 * slot + 1] !== 0) slot = (slot + 1) & slotMask;
  words[2 * slot] = hash;
  words[2 * slot + 1] = id;
  segment.used += 1;
}

function newSegment(depth: number, memory: TableMemory): Segment {
  return { words: memory.uint32(2 * slotsOfSegment), depth, used: 0 };
}
