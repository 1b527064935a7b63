/** A watch of the store in memory. It is woken after each change, and catches up with all that it has not told yet. */

import type { Entry } from "./codec.ts";
import { etcdPrefixes } from "./etcdKeys.ts";
import type { Kind, WatchEvent } from "./store.ts";
import { type Change, WatchState } from "./watchState.ts";

/** What a watch reads of its store. */
export interface WatchedStore {
  readonly awayBecause: string | null;
  readonly revision: bigint;
  changesAfter(revision: bigint): readonly Change[] | null;
  entriesUnder(prefixes: readonly string[]): Entry[];
}

export class MemoryWatch {
  readonly #kinds: readonly { readonly prefixes: readonly string[]; readonly state: WatchState }[];
  readonly #listener: (event: WatchEvent) => void;
  readonly #store: WatchedStore;
  /** All up to here was told; `null` before the first listing and after a disconnection. */
  #position: bigint | null = null;
  #isAway = false;
  #isStopped = false;

  constructor(kinds: readonly Kind[], listener: (event: WatchEvent) => void, store: WatchedStore) {
    this.#listener = (event) => {
      if (!this.#isStopped) listener(event);
    };
    this.#kinds = kinds.map((kind) => ({
      prefixes: etcdPrefixes(kind),
      state: new WatchState(kind, this.#listener),
    }));
    this.#store = store;
  }

  stop(): void {
    this.#isStopped = true;
  }

  deliver(): void {
    const { awayBecause } = this.#store;
    if (awayBecause === null) this.#catchUp();
    else this.#onAway(awayBecause);
  }

  #catchUp(): void {
    const changes = this.#position === null ? null : this.#store.changesAfter(this.#position);
    this.#position = this.#store.revision;
    if (changes) this.#tellChanges(changes);
    else this.#tellListing();
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#listener({ type: "connected" });
  }

  #onAway(reason: string): void {
    this.#position = null;
    if (this.#isAway) return;
    this.#isAway = true;
    this.#listener({ type: "disconnected", reason });
  }

  #tellListing(): void {
    const revision = String(this.#store.revision);
    for (const { prefixes, state } of this.#kinds) state.onListing(this.#store.entriesUnder(prefixes), revision);
  }

  #tellChanges(changes: readonly Change[]): void {
    for (const change of changes) {
      const key = change.type === "put" ? change.entry.key : change.key;
      const watched = this.#kinds.find(({ prefixes }) => prefixes.some((prefix) => key.startsWith(prefix)));
      watched?.state.onChange(change);
    }
  }
}
