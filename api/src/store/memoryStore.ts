/**
 * A client of a datastore in memory that behaves like one of etcd, for tests and simulations, and can fail as such a
 * client fails. Deterministic: nothing happens but in the calls of `schedule`, which a simulator orders and delays.
 */
import { builtIn, isDefaultAllow } from "./builtIn.ts";
import { StoreError } from "./error.ts";
import { etcdKey, etcdPrefixes } from "./etcdKeys.ts";
import { MemoryData } from "./memoryData.ts";
import { type MemoryFaultRates, MemoryFaults } from "./memoryFaults.ts";
import { MemoryWatch } from "./memoryWatch.ts";
import { checkSingleWrite, checkWrites, decodeEntry, listingOf } from "./request.ts";
import type { CommitResult, Item, Key, Kind, Listing, Scope, Store, Watch, WatchEvent, Write } from "./store.ts";

export interface MemoryStoreOptions {
  /** Does each piece of work once, later, in an order of its own choice; a microtask unless told. */
  readonly schedule?: (work: () => void) => void;
  /** The datastore, where several clients share one. */
  readonly data?: MemoryData;
  /** `single` is a store as Kubernetes is one; `many`, as etcd, unless told. */
  readonly transactions?: Store["transactions"];
  /** What goes wrong by itself, beside what a test does by hand. */
  readonly faults?: MemoryFaultRates;
  /** For how old a watch's news is; a clock that stands still unless told. */
  readonly nowMs?: () => number;
}

export class MemoryStore implements Store {
  readonly transactions: Store["transactions"];
  readonly data: MemoryData;
  readonly #schedule: (work: () => void) => void;
  readonly #watches = new Set<MemoryWatch>();
  readonly #unsubscribe: () => void;
  readonly #faults: MemoryFaults | null;
  readonly #nowMs: () => number;
  #awayBecause: string | null = null;
  #repliesToLose = 0;

  constructor({
    schedule = queueMicrotask,
    data = new MemoryData(),
    transactions = "many",
    faults,
    nowMs = () => 0,
  }: MemoryStoreOptions = {}) {
    this.data = data;
    this.transactions = transactions;
    this.#faults = faults ? new MemoryFaults(faults) : null;
    this.#nowMs = nowMs;
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
      if (this.transactions === "single") checkSingleWrite(writes);
      const result = this.data.commit(writes);
      if (this.#repliesToLose === 0) return result;
      this.#repliesToLose -= 1;
      throw away("the reply was lost");
    });
  }

  watch(kinds: readonly Kind[], listener: (event: WatchEvent) => void): Watch {
    const watch = new MemoryWatch(kinds, listener, { data: this.data, faults: this.#faults, nowMs: this.#nowMs });
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
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const attend = (): void => {
      const fate = this.#faults?.request() ?? "well";
      if (fate === "waits") {
        this.#schedule(attend);
        return;
      }
      try {
        if (this.#awayBecause !== null) throw away(this.#awayBecause);
        if (fate === "failsBefore") throw away("the request was lost");
        const result = answer();
        if (fate === "failsAfter") throw away("the reply was lost");
        resolve(result);
      } catch (error) {
        reject(error);
      }
    };
    this.#schedule(attend);
    return promise;
  }

  #wakeWatches(): void {
    for (const watch of this.#watches) this.#wake(watch);
  }

  #wake(watch: MemoryWatch): void {
    this.#schedule(() => {
      // What was held back comes in a later turn, though nothing changes meanwhile.
      if (watch.catchUp(this.#awayBecause) === "more") this.#wake(watch);
    });
  }
}

function away(reason: string): StoreError {
  return new StoreError({ code: "UNAVAILABLE", reason });
}
