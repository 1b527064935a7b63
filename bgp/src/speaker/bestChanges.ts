/** The best routes that a turn decided, packed and back. */
import { prefixText } from "../rib/packed.ts";
import type { PrefixId } from "../rib/prefixTable.ts";
import type { Rib } from "../rib/rib.ts";
import { wordsPerPrefix } from "../wire/prefixes.ts";
import type { BestChange, PackedBestChanges } from "./event.ts";

export class BestChangePacker {
  readonly #rib: Rib;
  readonly #words: Readonly<Record<4 | 6, number[]>> = { 4: [], 6: [] };
  readonly #targets: Omit<BestChange, "prefix">[] = [];
  /** Places in `#targets` by next hop and peer. */
  readonly #places = new Map<number, number>();

  constructor(rib: Rib) {
    this.#rib = rib;
  }

  get size(): number {
    return this.#words[4].length + this.#words[6].length;
  }

  add(id: PrefixId): void {
    const { prefixes } = this.#rib;
    const family = prefixes.family(id);
    const words = this.#words[family];
    words.push(prefixes.word(id, 0));
    if (family === 6) words.push(prefixes.word(id, 1), prefixes.word(id, 2), prefixes.word(id, 3));
    words.push(prefixes.length(id), this.#placeOf(id));
  }

  finish(): PackedBestChanges {
    const { 4: words4, 6: words6 } = this.#words;
    return { words4: Uint32Array.from(words4), words6: Uint32Array.from(words6), targets: this.#targets };
  }

  #placeOf(id: PrefixId): number {
    const route = this.#rib.best(id);
    const hop = route === 0 ? 0 : this.#rib.routes.nextHop.get(route);
    const peer = route === 0 ? 0 : this.#rib.routes.peer.get(route);
    const key = hop * 2 ** 24 + peer;
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const from = route === 0 ? null : this.#rib.peers.get(peer).name;
    this.#targets.push({ nextHops: hop === 0 ? [] : [this.#rib.nextHops.text(hop)], from });
    this.#places.set(key, this.#targets.length - 1);
    return this.#targets.length - 1;
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
