/** A watch of the datastore in memory. It is woken after each change, and catches up with all it has not told yet. */
import { etcdPrefixes } from "./etcdKeys.ts";
import type { MemoryData } from "./memoryData.ts";
import type { Kind, WatchEvent } from "./store.ts";
import { type Change, WatchState } from "./watchState.ts";

export class MemoryWatch {
  readonly #kinds: readonly { readonly prefixes: readonly string[]; readonly state: WatchState }[];
  readonly #listener: (event: WatchEvent) => void;
  readonly #data: MemoryData;
  /** All up to here was told; `null` before the first listing and after a disconnection. */
  #position: bigint | null = null;
  #isAway = false;
  #isStopped = false;

  constructor(kinds: readonly Kind[], listener: (event: WatchEvent) => void, data: MemoryData) {
    this.#listener = (event) => {
      if (!this.#isStopped) listener(event);
    };
    this.#kinds = kinds.map((kind) => ({
      prefixes: etcdPrefixes(kind),
      state: new WatchState(kind, this.#listener),
    }));
    this.#data = data;
  }

  stop(): void {
    this.#isStopped = true;
  }

  stalenessMs(): number | null {
    return this.#position === null ? null : 0;
  }

  /** `awayBecause` is why the datastore cannot be reached now, or `null`. */
  catchUp(awayBecause: string | null): void {
    if (this.#isStopped) return;
    if (awayBecause === null) this.#tellMissed();
    else this.#onAway(awayBecause);
  }

  #tellMissed(): void {
    const changes = this.#position === null ? null : this.#data.changesAfter(this.#position);
    this.#position = this.#data.revision;
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
    const revision = String(this.#data.revision);
    for (const { prefixes, state } of this.#kinds) state.onListing(this.#data.entriesUnder(prefixes), revision);
  }

  #tellChanges(changes: readonly Change[]): void {
    for (const change of changes) {
      const key = change.type === "put" ? change.entry.key : change.key;
      const watched = this.#kinds.find(({ prefixes }) => prefixes.some((prefix) => key.startsWith(prefix)));
      watched?.state.onChange(change);
    }
  }
}
