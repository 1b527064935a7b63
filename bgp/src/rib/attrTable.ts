/**
 * Path attributes, each distinct set stored once and counted: comparing two sets is comparing two small integers. A set
 * is kept as its canonical bytes (`encodeAttributes`), which are also its key; what the decision needs of it is worked
 * out when it is interned, into columns, and a value is made where somebody asks for one.
 */
import assert from "node:assert/strict";
import {
  type AttributeRange,
  type AttributeSummary,
  emptySummary,
  isSamePath,
  summarizeAttributes,
} from "../wire/attributeSummary.ts";
import { decodeAttributes } from "../wire/attributesDecoder.ts";
import { encodeAttributes } from "../wire/attributesEncoder.ts";
import type { CodecContext } from "../wire/contract.ts";
import type { PathAttributes } from "../wire/message.ts";
import { wellKnownBit } from "../wire/wellKnownCommunities.ts";
import { ByteArena, type Place } from "./byteArena.ts";
import { IdPool, RowField, Rows } from "./column.ts";
import { HashIndex } from "./hashIndex.ts";
import { fixedHashKey, type HashKey, KeyedHash } from "./keyedHash.ts";
import { plainMemory, type TableMemory } from "./tableMemory.ts";

/** Zero is no attribute set. */
export type AttrId = number;

/** RFC 4271 §9.1.1 leaves the degree of preference of external routes to us; every implementation says 100. */
export const localPrefDefault = 100;

/** RFC 8326 §4.1: whoever is about to go away says so, and is the last choice then. */
export function localPrefWithout(flags: number): number {
  return (flags & wellKnownBit.gracefulShutdown) !== 0 ? 0 : localPrefDefault;
}

/** What the decision asks of a set, how many retain it, and where its bytes are. */
const place = {
  localPref: 0,
  asPathLength: 1,
  origin: 2,
  med: 3,
  neighborAsn: 4,
  originatorId: 5,
  clusterListLength: 6,
  flags: 7,
  refs: 8,
  places: 9,
  lengths: 10,
} as const;
const rowWidth = 11;

/** What is stored has been judged already: it is read as from a peer of whom everything is taken. */
const asStored: CodecContext = { fourOctetAs: true, external: false, families: [4, 6] };

/** By which a set is stored and found. */
export function canonicalBytes(attributes: PathAttributes): Uint8Array {
  return encodeAttributes(attributes, null, asStored);
}

export class AttrTable {
  readonly #rows: Rows;
  readonly localPref: RowField;
  readonly asPathLength: RowField;
  readonly origin: RowField;
  readonly med: RowField;
  /** The AS that MED is compared within; zero for a path that is empty or begins with a set. */
  readonly neighborAsn: RowField;
  /** Zero where there is none: no router has that identifier. */
  readonly originatorId: RowField;
  readonly clusterListLength: RowField;
  /** As `AttributeSummary.flags`. */
  readonly flags: RowField;
  readonly #refs: RowField;
  readonly #places: RowField;
  readonly #lengths: RowField;
  readonly #pool: IdPool;
  readonly #index: HashIndex;
  readonly #hashes: KeyedHash;
  readonly #arena: ByteArena;
  readonly #summary: AttributeSummary = emptySummary();
  /** The value asked for last: who prints a set asks for it again and again. */
  #seen: { readonly id: AttrId; readonly value: PathAttributes } | null = null;

  constructor(hashKey: HashKey = fixedHashKey, memory: TableMemory = plainMemory) {
    this.#rows = new Rows(rowWidth, memory);
    this.localPref = new RowField(this.#rows, place.localPref);
    this.asPathLength = new RowField(this.#rows, place.asPathLength);
    this.origin = new RowField(this.#rows, place.origin);
    this.med = new RowField(this.#rows, place.med);
    this.neighborAsn = new RowField(this.#rows, place.neighborAsn);
    this.originatorId = new RowField(this.#rows, place.originatorId);
    this.clusterListLength = new RowField(this.#rows, place.clusterListLength);
    this.flags = new RowField(this.#rows, place.flags);
    this.#refs = new RowField(this.#rows, place.refs);
    this.#places = new RowField(this.#rows, place.places);
    this.#lengths = new RowField(this.#rows, place.lengths);
    this.#pool = new IdPool(memory);
    this.#index = new HashIndex(memory);
    this.#arena = new ByteArena(memory);
    this.#hashes = new KeyedHash(hashKey);
  }

  get size(): number {
    return this.#index.size;
  }

  /** The set's id, which lives once it is retained. */
  intern(attributes: PathAttributes): AttrId {
    const bytes = canonicalBytes(attributes);
    return this.internBytes(bytes, bytes.length);
  }

  /** As `intern`, of canonical bytes. */
  internBytes(bytes: Uint8Array, length: number): AttrId {
    const hash = this.#hashes.bytes(bytes, length);
    const index = this.#index;
    for (let known = index.first(hash); known !== 0; known = index.next()) {
      if (this.#lengths.get(known) !== length) continue;
      if (this.#arena.equals(this.#places.get(known), bytes, length)) return known;
    }
    const id = this.#pool.take();
    this.#places.set(id, this.#arena.store(bytes, length));
    this.#lengths.set(id, length);
    this.#index.insert(id, hash);
    this.#summarize(id, bytes, length);
    if (this.#seen?.id === id) this.#seen = null;
    return id;
  }

  value(id: AttrId): PathAttributes {
    if (this.#seen?.id === id) return this.#seen.value;
    const decoded = decodeAttributes(this.bytes(id), asStored);
    assert(decoded.kind === "attributes" && decoded.attributes, `attribute set ${id} does not decode`);
    this.#seen = { id, value: decoded.attributes };
    return decoded.attributes;
  }

  /** Canonical bytes: a view, valid for as long as the set is retained. */
  bytes(id: AttrId): Uint8Array {
    if (this.#lengths.get(id) === 0) assert.fail(`no attribute set ${id}`);
    return this.#arena.view(this.#places.get(id), this.#lengths.get(id));
  }

  /** As `bytes`, without a view. */
  range(id: AttrId): AttributeRange {
    return this.#arena.rangeOf(this.#places.get(id), this.#lengths.get(id));
  }

  /** Whether the AS paths of two sets are the same. */
  haveSamePath(a: AttrId, b: AttrId): boolean {
    return a === b || isSamePath(this.range(a), this.range(b));
  }

  retain(id: AttrId, times: number = 1): void {
    this.#refs.set(id, this.#refs.get(id) + times);
  }

  release(id: AttrId): void {
    const refs = this.#refs.get(id);
    if (refs === 0) assert.fail(`attribute set ${id} is released once too often`);
    this.#refs.set(id, refs - 1);
    if (refs > 1) return;
    this.#index.remove(id, this.#hashes.bytes(this.bytes(id), this.#lengths.get(id)));
    this.#arena.free(this.#places.get(id) as Place, this.#lengths.get(id));
    this.#lengths.set(id, 0);
    if (this.#seen?.id === id) this.#seen = null;
    this.#pool.giveBack(id);
    if (this.size > 0) return;
    this.#arena.clear();
    this.#rows.clear();
  }

  #summarize(id: AttrId, bytes: Uint8Array, length: number): void {
    const summary = this.#summary;
    summarizeAttributes(bytes, length, summary);
    // RFC 9494 §4.3: least preferred, whatever is written there.
    const isLastResort = (summary.flags & wellKnownBit.llgrStale) !== 0;
    const row = this.#rows.chunkOf(id);
    const at = this.#rows.offsetOf(id);
    row[at + place.localPref] = isLastResort ? 0 : (summary.localPref ?? localPrefWithout(summary.flags));
    row[at + place.asPathLength] = summary.asPathLength;
    row[at + place.origin] = summary.origin;
    row[at + place.med] = summary.med;
    row[at + place.neighborAsn] = summary.neighborAsn;
    row[at + place.originatorId] = summary.originatorId;
    row[at + place.clusterListLength] = summary.clusterListLength;
    row[at + place.flags] = summary.flags;
  }
}
