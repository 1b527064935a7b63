/**
 * What a watcher has been told, and so which events it still needs. It turns listings and change events, which may
 * overlap, repeat or come after a gap, into a story without contradictions: each state of a key at most once, in
 * order, and a deletion only when a listing or a delete event proves it.
 */

import { builtIn } from "./builtIn.ts";
import { type Decoded, decodeValue, type Entry } from "./codec.ts";
import { parseEtcdKey } from "./etcdKeys.ts";
import { setAside } from "./request.ts";
import type { Key, Kind, Revision, WatchEvent } from "./store.ts";

export type Change =
  | { readonly type: "put"; readonly entry: Entry }
  | { readonly type: "delete"; readonly key: string; readonly revision: Revision };

export class WatchState {
  readonly #kind: Kind;
  readonly #tell: (event: WatchEvent) => void;
  /** The revision of every key that was told. */
  readonly #told = new Map<string, Revision>();
  /** Changes up to this revision were told by a listing. */
  #floor = 0n;
  #inSync = false;

  constructor(kind: Kind, tell: (event: WatchEvent) => void) {
    this.#kind = kind;
    this.#tell = tell;
  }

  /** All there is at `revision`. Only differences are told, deletions first: an address must leave before it comes anew. */
  onListing(entries: readonly Entry[], revision: Revision): void {
    const present = new Set(entries.map((entry) => entry.key));
    for (const key of [...this.#told.keys()]) if (!present.has(key)) this.#tellDeleted(key);
    for (const entry of entries) this.#tellChanged(entry);
    this.#floor = BigInt(revision);
    if (this.#inSync) return;
    this.#inSync = true;
    for (const item of builtIn(this.#kind)) this.#tell({ type: "changed", item });
    this.#tell({ type: "inSync", kind: this.#kind });
  }

  onChange(change: Change): void {
    const revision = change.type === "put" ? change.entry.revision : change.revision;
    if (BigInt(revision) <= this.#floor) return;
    if (change.type === "put") this.#tellChanged(change.entry);
    else this.#tellDeleted(change.key);
  }

  #tellChanged(entry: Entry): void {
    if (this.#told.get(entry.key) === entry.revision) return;
    const key = parseEtcdKey(this.#kind, entry.key);
    if (!key) return;
    this.#told.set(entry.key, entry.revision);
    this.#tell(eventFor(key, entry));
  }

  #tellDeleted(text: string): void {
    if (!this.#told.delete(text)) return;
    const key = parseEtcdKey(this.#kind, text);
    if (key) this.#tell({ type: "deleted", key });
  }
}

function eventFor(key: Key, entry: Entry): WatchEvent {
  const decoded: Decoded<Kind> = decodeValue(key.kind, entry.text);
  return decoded.kind === "value"
    ? { type: "changed", item: { key, value: decoded.value, revision: entry.revision } }
    : { type: "undecodable", ...setAside(key, decoded) };
}
