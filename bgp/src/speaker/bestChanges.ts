/** The best routes that a turn decided, packed and back. */
import { prefixText } from "../rib/packed.ts";
import type { PrefixId } from "../rib/prefixTable.ts";
import type { Rib } from "../rib/rib.ts";
import { wordsPerPrefix } from "../wire/prefixes.ts";
import type { BestChange, PackedBestChanges } from "./event.ts";

/** A small change, and a turn of a table: nothing is copied for either. */
const wordsAtStart: Readonly<Record<"few" | "many", number>> = { few: 96, many: 16_384 };

export class BestChangePacker {
  readonly #rib: Rib;
  readonly #words: Record<4 | 6, Uint32Array> = { 4: new Uint32Array(0), 6: new Uint32Array(0) };
  readonly #ends: Record<4 | 6, number> = { 4: 0, 6: 0 };
  readonly #targets: Omit<BestChange, "prefix">[] = [];
  /** Places in `#targets` by next hop and peer. */
  readonly #places = new Map<number, number>();
  readonly #severalPlaces = new Map<string, number>();
  #lastKey = -1;
  #lastPlace = 0;

  constructor(rib: Rib) {
    this.#rib = rib;
  }

  get size(): number {
    return this.#ends[4] + this.#ends[6];
  }

  add(id: PrefixId): void {
    const { prefixes } = this.#rib;
    const family = prefixes.family(id);
    const words = this.#room(family);
    let end = this.#ends[family];
    words[end++] = prefixes.word(id, 0);
    if (family === 6) {
      words[end++] = prefixes.word(id, 1);
      words[end++] = prefixes.word(id, 2);
      words[end++] = prefixes.word(id, 3);
    }
    words[end++] = prefixes.length(id);
    words[end++] = this.#placeOf(id);
    this.#ends[family] = end;
  }

  finish(): PackedBestChanges {
    const words4 = this.#words[4].subarray(0, this.#ends[4]);
    const words6 = this.#words[6].subarray(0, this.#ends[6]);
    return { words4, words6, targets: this.#targets };
  }

  #room(family: 4 | 6): Uint32Array {
    const words = this.#words[family];
    if (this.#ends[family] + 6 <= words.length) return words;
    const larger = new Uint32Array(
      words.length === 0 ? wordsAtStart.few : Math.max(wordsAtStart.many, 2 * words.length),
    );
    larger.set(words);
    this.#words[family] = larger;
    return larger;
  }

  #placeOf(id: PrefixId): number {
    const route = this.#rib.best(id);
    const hop = route === 0 ? 0 : this.#rib.routes.nextHop.get(route);
    const peer = route === 0 ? 0 : this.#rib.routes.peer.get(route);
    const used = this.#rib.hasMultipath ? this.#rib.used(id) : [];
    if (used.length > 1) return this.#severalPlace(peer, used);
    const key = hop * 2 ** 24 + peer;
    if (key === this.#lastKey) return this.#lastPlace;
    this.#lastKey = key;
    this.#lastPlace = this.#places.get(key) ?? this.#newPlace(key, { hop, peer });
    return this.#lastPlace;
  }

  #severalPlace(peer: number, routes: readonly number[]): number {
    const texts = routes.map((route) => this.#rib.nextHops.text(this.#rib.routes.nextHop.get(route)));
    const key = `${peer} ${texts.join(" ")}`;
    const known = this.#severalPlaces.get(key);
    if (known !== undefined) return known;
    const place = this.#targets.push({ nextHops: texts, from: this.#rib.peers.get(peer).name }) - 1;
    this.#severalPlaces.set(key, place);
    return place;
  }

  #newPlace(key: number, { hop, peer }: { readonly hop: number; readonly peer: number }): number {
    const from = peer === 0 ? null : this.#rib.peers.get(peer).name;
    this.#places.set(key, this.#targets.length);
    return this.#targets.push({ nextHops: hop === 0 ? [] : [this.#rib.nextHops.text(hop)], from }) - 1;
  }
}

export function unpackBestChanges({ words4, words6, targets }: PackedBestChanges): BestChange[] {
  const changes: BestChange[] = [];
  for (const [family, words] of [
    [4, words4],
    [6, words6],
  ] as const) {
    const stride = wordsPerPrefix[family];
    for (let at = 0; at < words.length; at += stride + 1) {
      const target = targets[words[at + stride] ?? 0];
      if (target) changes.push({ prefix: prefixText({ family, words }, at), ...target });
    }
  }
  return changes;
}
