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
  /** Most of a block is for one audience, which is one object as long as its maker keeps it. */
  #last: { readonly audience: Audience; readonly piece: Piece } | null = null;
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
  announce4(audience: Audience, { attributes, attributesLength, prefixes, ids, pathIds }: Announcing): boolean {
    const bytesMax = this.#bytesMax;
    if (updateBytesMin + attributesLength + prefixBytesMax > bytesMax) return false;
    const piece = this.#pieceOf(audience);
    for (let i = 0; i < ids.length; ) {
      piece.begin(bytesMax);
      piece.u16(0);
      piece.u16(attributesLength);
      piece.bytes(attributes, attributesLength);
      const room = bytesMax - prefixBytesMax;
      for (; i < ids.length && piece.messageLength <= room; i++) piece.prefix4(prefixes, ids[i] ?? 0, pathIds[i]);
      piece.finish();
    }
    return true;
  }

  withdraw4(audience: Audience, { prefixes, ids, pathIds }: Omit<Announcing, "attributes" | "attributesLength">): void {
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
    if (this.#last?.audience === audience) return this.#last.piece;
    const key = "only" in audience ? `only ${audience.only}` : audience.allBut.join(" ");
    const { piece } = this.#pieces.get(key) ?? { piece: new Piece() };
    this.#last = { audience, piece };
    if (!this.#pieces.has(key)) this.#pieces.set(key, this.#last);
    return piece;
  }
}

export interface Announcing {
  /** As much of it as `attributesLength` says. */
  readonly attributes: Uint8Array;
  readonly attributesLength: number;
  readonly prefixes: PrefixTable;
  readonly ids: readonly PrefixId[];
  /** RFC 7911: of each, or none. */
  readonly pathIds: readonly number[];
}

class Piece {
  #bytes = new Uint8Array(pieceBytesAtStart);
  #end = 0;
  #start = 0;
  #written: Uint8Array | null = null;

  get messageLength(): number {
    return this.#end - this.#start;
  }

  /** When all is written: the same bytes for whoever hears them. */
  written(): Uint8Array {
    this.#written ??= this.#bytes.subarray(0, this.#end);
    return this.#written;
  }

  append(message: Uint8Array): void {
    this.#reserve(message.length);
    this.bytes(message, message.length);
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

  /** Byte by byte: attributes are short, and a view of them would cost more than they do. */
  bytes(bytes: Uint8Array, length: number): void {
    const to = this.#bytes;
    let end = this.#end;
    for (let i = 0; i < length; i++) to[end++] = bytes[i] ?? 0;
    this.#end = end;
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
