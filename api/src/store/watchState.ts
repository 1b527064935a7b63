/**
 * What a watcher has been told, and so which events it still needs. It turns listings and change events, which may
 * overlap, repeat or come after a gap, into a story without contradictions: each state of a key at most once, in
 * order, and a deletion only when a listing or a delete event proves it. Of each key it keeps the revision alone.
 */
import { builtIn } from "./builtIn.ts";
import { type Decoded, decodeValue, type Entry } from "./codec.ts";
import { parseEtcdKey } from "./etcdKeys.ts";
import type { OwnWrites } from "./ownWrites.ts";
import { setAside } from "./request.ts";
import type { Item, Key, Kind, Revision, WatchEvent } from "./store.ts";

export type Change =
  | { readonly type: "put"; readonly entry: Entry }
  | { readonly type: "delete"; readonly key: string; readonly revision: Revision };

/** A key and the revision that a listing found; its value is not needed to find out whether it was told. */
export type Sighting = Pick<Entry, "key" | "revision">;

interface PartialListing {
  readonly isFirst: boolean;
  readonly present: Set<string>;
  readonly changed: Entry[];
}

const unknownRevision = "0";

export class WatchState {
  readonly #kind: Kind;
  readonly #tell: (event: WatchEvent) => void;
  readonly #ownWrites: Pick<OwnWrites, "take"> | null;
  /** The revision of every key that was told. */
  readonly #told = new Map<string, Revision>();
  /** Changes up to this revision were told by a listing. */
  #floor = 0n;
  #inSync = false;
  #listing: PartialListing | null = null;
  /** The revisions of deletions since a check began. */
  #deleted: Map<string, Revision> | null = null;

  constructor(kind: Kind, tell: (event: WatchEvent) => void, ownWrites: Pick<OwnWrites, "take"> | null = null) {
    this.#kind = kind;
    this.#tell = tell;
    this.#ownWrites = ownWrites;
  }

  /** All there is at `revision`. Only differences are told, deletions first: an address must leave before it comes anew. */
  onListing(entries: readonly Entry[], revision: Revision): void {
    this.onPage(entries);
    this.onListed(revision);
  }

  /**
   * A part of a listing. What is told already is not held; of a first listing, which deletes nothing, nothing is. Later a kind that
   * was empty waits as others do: a new policy must not meet endpoints as they were before the gap.
   */
  onPage(entries: readonly Entry[]): void {
    this.#listing ??= { isFirst: !this.#inSync && this.#told.size === 0, present: new Set(), changed: [] };
    const { isFirst, present, changed } = this.#listing;
    for (const entry of entries) {
      if (isFirst) this.#tellChanged(entry);
      else {
        present.add(entry.key);
        if (this.#told.get(entry.key) !== entry.revision) changed.push(entry);
      }
    }
  }

  /** The pages since the last call were all there is at `revision`. */
  onListed(revision: Revision): void {
    const { isFirst = true, present, changed = [] } = this.#listing ?? {};
    this.#listing = null;
    if (present && !isFirst) {
      for (const key of [...this.#told.keys()]) if (!present.has(key)) this.#tellDeleted(key);
    }
    for (const entry of changed) this.#tellChanged(entry);
    this.#floor = BigInt(revision);
    if (this.#inSync) return;
    this.#inSync = true;
    for (const item of builtIn(this.#kind)) this.#tell({ type: "changed", item });
    this.#tell({ type: "inSync", kind: this.#kind });
  }

  /** The pages so far were of a listing that came to nothing. */
  abandonListing(): void {
    this.#listing = null;
  }

  /**
   * The datastore was set back: a revision may stand for another value than the one that was told under it. The next
   * listing tells all values anew, and deletes what it does not have.
   */
  forgetRevisions(): void {
    for (const key of this.#told.keys()) this.#told.set(key, unknownRevision);
    this.#floor = 0n;
  }

  onChange(change: Change): void {
    const revision = change.type === "put" ? change.entry.revision : change.revision;
    if (BigInt(revision) <= this.#floor) return;
    if (change.type === "put") this.#tellChanged(change.entry);
    else {
      this.#deleted?.set(change.key, change.revision);
      this.#tellDeleted(change.key);
    }
  }

  /** Before a listing for `untold` is asked for. */
  beginCheck(): void {
    this.#deleted = new Map();
  }

  endCheck(): void {
    this.#deleted = null;
  }

  /**
   * Keys of which a listing at `revision`, taken since the check began and beside the changes, shows what was not told.
   * Changes may still be under way: what is missed, and not merely late, is what a later look at it finds again.
   */
  untold(sightings: readonly Sighting[], revision: Revision): readonly string[] {
    const listed = BigInt(revision);
    const present = new Map(sightings.map((sighting) => [sighting.key, sighting.revision]));
    const unseen = [...present].filter(([key, seen]) => this.#isUntold(key, seen));
    const stayed = [...this.#told].filter(([key, told]) => !present.has(key) && BigInt(told) <= listed);
    return [...unseen, ...stayed].map(([key]) => key);
  }

  /** A key that is not ours is never told; one that was deleted since is told no more. */
  #isUntold(key: string, seen: Revision): boolean {
    const told = this.#told.get(key);
    if (told !== undefined) return BigInt(told) < BigInt(seen);
    const deleted = this.#deleted?.get(key);
    if (deleted !== undefined) return BigInt(deleted) < BigInt(seen);
    return parseEtcdKey(this.#kind, key) !== null;
  }

  #tellChanged(entry: Entry): void {
    if (this.#told.get(entry.key) === entry.revision) return;
    const key = parseEtcdKey(this.#kind, entry.key);
    if (!key) return;
    this.#told.set(entry.key, entry.revision);
    const own = this.#ownWrites?.take(entry) ?? null;
    if (own === null) this.#tell(eventFor(key, entry));
    // What was written under a key is of its kind.
    else this.#tell({ type: "changed", item: { key, value: own, revision: entry.revision } as Item });
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
