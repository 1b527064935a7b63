/**
 * What a group of peers is told in one turn, as bytes that are made once: UPDATEs one after the other, in a piece for
 * each audience. Most of it is for all; a peer does not hear what it said itself, and what concerns one peer alone has a
 * piece of its own.
 */
import type { PeerId } from "../rib/peerTable.ts";
import type { PrefixId, PrefixTable } from "../rib/prefixTable.ts";
import type { EncodeContext } from "../wire/contract.ts";
import { messageBytesMax, updateBytesMin } from "../wire/limits.ts";

/** Who hears a piece: all but some, or one. */
export type Audience =
  | { readonly allBut: readonly PeerId[] }
  /** One peer alone. */
  | { readonly only: PeerId };

const pieceBytesAtStart = 16_384;
/** A path identifier, a length, an address. */
const prefixBytesMax = 9;

export class UpdateBlock {
  readonly #pieces = new Map<string, { readonly audience: Audience; readonly piece: Piece }>();
  readonly #bytesMax: number;

  constructor({ messageBytesMax: bytesMax = messageBytesMax }: EncodeContext) {
    this.#bytesMax = bytesMax;
  }

  /** Whole messages that somebody else made. */
  addMessages(audience: Audience, messages: readonly Uint8Array[]): void {
    const piece = this.#pieceOf(audience);
    for (const message of messages) piece.append(message);
  }

  /** UPDATEs of IPv4 prefixes in NLRI. `false`: beside these attributes there is no room for one. */
  announce4(audience: Audience, { attributes, prefixes, ids, pathIds }: Announcing): boolean {
    const bytesMax = this.#bytesMax;
    if (updateBytesMin + attributes.length + prefixBytesMax > bytesMax) return false;
    const piece = this.#pieceOf(audience);
    for (let i = 0; i < ids.length; ) {
      piece.begin(bytesMax);
      piece.u16(0);
      piece.u16(attributes.length);
      piece.bytes(attributes);
      const room = bytesMax - prefixBytesMax;
      for (; i < ids.length && piece.messageLength <= room; i++) piece.prefix4(prefixes, ids[i] ?? 0, pathIds[i]);
      piece.finish();
    }
    return true;
  }

  withdraw4(audience: Audience, { prefixes, ids, pathIds }: Omit<Announcing, "attributes">): void {
    const piece = this.#pieceOf(audience);
    for (let i = 0; i < ids.length; ) {
      piece.begin(this.#bytesMax);
      const lengthAt = piece.u16(0);
      const room = this.#bytesMax - 2 - prefixBytesMax;
      for (; i < ids.length && piece.messageLength <= room; i++) piece.prefix4(prefixes, ids[i] ?? 0, pathIds[i]);
      piece.patchLength(lengthAt);
      piece.u16(0);
      piece.finish();
    }
  }

  /** What this peer hears, in order. The same bytes are given to all who hear them. */
  *heardBy(peer: PeerId): Generator<Uint8Array> {
    for (const { audience, piece } of this.#pieces.values()) {
      const hears = "only" in audience ? audience.only === peer : !audience.allBut.includes(peer);
      if (hears) yield piece.written();
    }
  }

  #pieceOf(audience: Audience): Piece {
    const key = "only" in audience ? `only ${audience.only}` : audience.allBut.join(" ");
    const known = this.#pieces.get(key);
    if (known) return known.piece;
    const piece = new Piece();
    this.#pieces.set(key, { audience, piece });
    return piece;
  }
}

export interface Announcing {
  readonly attributes: Uint8Array;
  readonly prefixes: PrefixTable;
  readonly ids: readonly PrefixId[];
  /** RFC 7911: of each, or none. */
  readonly pathIds: readonly number[];
}

class Piece {
  #bytes = new Uint8Array(pieceBytesAtStart);
  #end = 0;
  #start = 0;

  get messageLength(): number {
    return this.#end - this.#start;
  }

  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#end);
  }

  append(message: Uint8Array): void {
    this.#reserve(message.length);
    this.bytes(message);
  }

  /** An UPDATE of at most so many bytes. */
  begin(bytesMax: number): void {
    this.#reserve(bytesMax);
    this.#start = this.#end;
    this.#bytes.fill(0xff, this.#end, this.#end + 16);
    this.#bytes[this.#end + 18] = 2;
    this.#end += 19;
  }

  finish(): void {
    const length = this.messageLength;
    this.#bytes[this.#start + 16] = length >>> 8;
    this.#bytes[this.#start + 17] = length;
  }

  /** Gives the place of what it wrote. */
  u16(value: number): number {
    const at = this.#end;
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
    this.#end += 2;
    return at;
  }

  /** The two bytes at `at` count what was written after them. */
  patchLength(at: number): void {
    const length = this.#end - at - 2;
    this.#bytes[at] = length >>> 8;
    this.#bytes[at + 1] = length;
  }

  bytes(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  prefix4(prefixes: PrefixTable, id: PrefixId, pathId: number | undefined): void {
    if (pathId !== undefined) {
      this.u16(pathId >>> 16);
      this.u16(pathId);
    }
    const word = prefixes.word(id, 0);
    const length = prefixes.length(id);
    const bytes = this.#bytes;
    let end = this.#end;
    bytes[end++] = length;
    if (length > 0) bytes[end++] = word >>> 24;
    if (length > 8) bytes[end++] = word >>> 16;
    if (length > 16) bytes[end++] = word >>> 8;
    if (length > 24) bytes[end++] = word;
    this.#end = end;
  }

  #reserve(count: number): void {
    if (this.#end + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#end + count, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = larger;
  }
}
