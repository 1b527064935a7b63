/**
 * A client of a datastore in memory that behaves like one of etcd, for tests and simulations, and can fail as such a
 * client fails. Deterministic: nothing happens but in the calls of `schedule`, which a simulator orders and delays.
 */
import { builtIn, isDefaultAllow } from "./builtIn.ts";
import { StoreError } from "./error.ts";
import { etcdKey, etcdPrefixes } from "./etcdKeys.ts";
import { MemoryData } from "./memoryData.ts";
import { MemoryWatch } from "./memoryWatch.ts";
import { checkWrites, decodeEntry, listingOf } from "./request.ts";
import type { CommitResult, Item, Key, Kind, Listing, Scope, Store, Watch, WatchEvent, Write } from "./store.ts";

export interface MemoryStoreOptions {
  /** Does each piece of work once, later, in an order of its own choice; a microtask unless told. */
  readonly schedule?: (work: () => void) => void;
  /** The datastore, where several clients share one. */
  readonly data?: MemoryData;
}

export class MemoryStore implements Store {
  readonly transactions: Store["transactions"] = "many";
  readonly data: MemoryData;
  readonly #schedule: (work: () => void) => void;
  readonly #watches = new Set<MemoryWatch>();
  readonly #unsubscribe: () => void;
  #awayBecause: string | null = null;
  #repliesToLose = 0;

  constructor({ schedule = queueMicrotask, data = new MemoryData() }: MemoryStoreOptions = {}) {
    this.data = data;
    this.#schedule = schedule;
    this.#unsubscribe = data.onChange(() => this.#wakeWatches());
  }

  get<K extends Kind>(key: Key<K>): Promise<Item<K> | null> {
    return this.#request(() => {
      if (isDefaultAllow(key)) return builtIn(key.kind)[0] ?? null;
      const entry = this.data.entry(etcdKey(key));
      return entry ? decodeEntry(key, entry) : null;
    });
  }

  list<K extends Kind>(kind: K, scope: Scope = {}): Promise<Listing<K>> {
    return this.#request(() => {
      const entries = this.data.entriesUnder(etcdPrefixes(kind, scope));
      return listingOf(kind, scope, { entries, revision: String(this.data.revision) });
    });
  }

  commit(writes: readonly Write[]): Promise<CommitResult> {
    return this.#request(() => {
      checkWrites(writes);
      const result = this.data.commit(writes);
      if (this.#repliesToLose === 0) return result;
      this.#repliesToLose -= 1;
      throw new StoreError({ code: "UNAVAILABLE", reason: "the reply was lost" });
    });
  }

  watch(kinds: readonly Kind[], listener: (event: WatchEvent) => void): Watch {
    const watch = new MemoryWatch(kinds, listener, this.data);
    this.#watches.add(watch);
    this.#wake(watch);
    return {
      stop: async () => {
        watch.stop();
        this.#watches.delete(watch);
      },
      stalenessMs: () => watch.stalenessMs(),
    };
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    for (const watch of this.#watches) watch.stop();
    this.#watches.clear();
  }

  /** Fault: from now on nothing is answered and no change is told. What is stored stays. */
  disconnect(reason: string): void {
    this.#awayBecause = reason;
    this.#wakeWatches();
  }

  /** The end of `disconnect`. Watches list anew. */
  reconnect(): void {
    this.#awayBecause = null;
    this.#wakeWatches();
  }

  /** Fault: the next transactions are done, but their callers are told that the store is away. */
  loseReplies(count: number): void {
    this.#repliesToLose += count;
  }

  #request<T>(answer: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#schedule(() => {
        try {
          if (this.#awayBecause !== null) throw new StoreError({ code: "UNAVAILABLE", reason: this.#awayBecause });
          resolve(answer());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #wakeWatches(): void {
    for (const watch of this.#watches) this.#wake(watch);
  }

  #wake(watch: MemoryWatch): void {
    this.#schedule(() => watch.catchUp(this.#awayBecause));
  }
}
