/**
 * A datastore in memory that behaves like etcd, for tests and simulations: values are kept as the texts that etcd would
 * hold, revisions count its writes, and it can fail as etcd fails. Deterministic: nothing happens but in the calls of
 * `schedule`, which a simulator orders and delays as it likes.
 */
import { builtIn, isDefaultAllow } from "./builtIn.ts";
import { type Entry, encodeValue } from "./codec.ts";
import { StoreError } from "./error.ts";
import { etcdKey, etcdPrefixes } from "./etcdKeys.ts";
import { MemoryWatch } from "./memoryWatch.ts";
import { checkWrites, decodeEntry, listingOf } from "./request.ts";
import type { CommitResult, Item, Key, Kind, Listing, Scope, Store, Watch, WatchEvent, Write } from "./store.ts";
import type { Change } from "./watchState.ts";

export interface MemoryStoreOptions {
  /** Does the work later, each piece once, in whatever order; a microtask unless told. */
  readonly schedule?: (work: () => void) => void;
}

export class MemoryStore implements Store {
  readonly #schedule: (work: () => void) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #watches = new Set<MemoryWatch>();
  #history: Change[] = [];
  #revision = 1n;
  #compacted = 0n;
  #awayBecause: string | null = null;
  #repliesToLose = 0;

  constructor(options: MemoryStoreOptions = {}) {
    this.#schedule = options.schedule ?? queueMicrotask;
  }

  get<K extends Kind>(key: Key<K>): Promise<Item<K> | null> {
    return this.#request(() => {
      if (isDefaultAllow(key)) return builtIn(key.kind)[0] ?? null;
      const entry = this.#entries.get(etcdKey(key));
      return entry ? decodeEntry(key, entry) : null;
    });
  }

  list<K extends Kind>(kind: K, scope: Scope = {}): Promise<Listing<K>> {
    return this.#request(() =>
      listingOf(kind, scope, {
        entries: this.entriesUnder(etcdPrefixes(kind, scope)),
        revision: String(this.#revision),
      }),
    );
  }

  commit(writes: readonly Write[]): Promise<CommitResult> {
    return this.#request(() => {
      checkWrites(writes);
      const result = writes.every((write) => this.#holds(write)) ? this.#apply(writes) : this.#conflict(writes);
      if (this.#repliesToLose === 0) return result;
      this.#repliesToLose -= 1;
      throw new StoreError({ code: "UNAVAILABLE", reason: "the reply was lost" });
    });
  }

  watch(kinds: readonly Kind[], listener: (event: WatchEvent) => void): Watch {
    const watch = new MemoryWatch(kinds, listener, this);
    this.#watches.add(watch);
    this.#schedule(() => watch.deliver());
    return {
      stop: async () => {
        watch.stop();
        this.#watches.delete(watch);
      },
    };
  }

  async close(): Promise<void> {
    for (const watch of this.#watches) watch.stop();
    this.#watches.clear();
  }

  /** Fault: from now on nothing is answered, as if etcd were stopped. What is stored stays. */
  disconnect(reason: string): void {
    this.#awayBecause = reason;
    this.#wakeWatches();
  }

  /** The end of `disconnect`. Watches list anew. */
  reconnect(): void {
    this.#awayBecause = null;
    this.#wakeWatches();
  }

  /** Fault: history up to now is forgotten; a watch that has not been told all of it yet must list anew. */
  compact(): void {
    this.#compacted = this.#revision;
    this.#history = [];
  }

  /** Fault: the next transactions are done, but their callers are told that the store is away. */
  loseReplies(count: number): void {
    this.#repliesToLose += count;
  }

  /** Writes any text under any key, as another program might. `null` deletes. */
  writeText(key: string, text: string | null): void {
    this.#revision += 1n;
    this.#write(key, text);
    this.#wakeWatches();
  }

  /** What is stored, in the order of the keys: to be compared, or printed when a test fails. */
  dump(): Entry[] {
    return this.entriesUnder([""]);
  }

  /** For watches. */
  get awayBecause(): string | null {
    return this.#awayBecause;
  }

  /** For watches. */
  get revision(): bigint {
    return this.#revision;
  }

  /** For watches: `null` when the history no longer reaches back to `revision`. */
  changesAfter(revision: bigint): readonly Change[] | null {
    if (revision < this.#compacted) return null;
    const last = this.#history.findLastIndex((change) => revisionOf(change) <= revision);
    return this.#history.slice(last + 1);
  }

  /** For watches. */
  entriesUnder(prefixes: readonly string[]): Entry[] {
    const found = [...this.#entries.values()].filter(({ key }) => prefixes.some((prefix) => key.startsWith(prefix)));
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
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

  #holds(write: Write): boolean {
    const revision = this.#entries.get(etcdKey(write.key))?.revision ?? null;
    switch (write.op) {
      case "create":
        return revision === null;
      case "put":
        return true;
      default:
        return revision === write.revision;
    }
  }

  #apply(writes: readonly Write[]): CommitResult {
    const changes = writes.filter(({ op }) => op !== "expect");
    if (changes.length > 0) this.#revision += 1n;
    for (const write of changes) {
      if (write.op !== "expect") {
        this.#write(etcdKey(write.key), write.op === "delete" ? null : encodeValue(write.key, write.value));
      }
    }
    this.#wakeWatches();
    return { kind: "committed", revision: String(this.#revision) };
  }

  #conflict(writes: readonly Write[]): CommitResult {
    const current = writes.map(({ key }) => {
      const entry = this.#entries.get(etcdKey(key));
      return entry ? decodeEntry(key, entry) : { key, value: null };
    });
    return { kind: "conflict", current };
  }

  #write(key: string, text: string | null): void {
    const revision = String(this.#revision);
    if (text !== null) {
      const entry = { key, text, revision };
      this.#entries.set(key, entry);
      this.#history.push({ type: "put", entry });
    } else if (this.#entries.delete(key)) {
      this.#history.push({ type: "delete", key, revision });
    }
  }

  #wakeWatches(): void {
    for (const watch of this.#watches) this.#schedule(() => watch.deliver());
  }
}

function revisionOf(change: Change): bigint {
  return BigInt(change.type === "put" ? change.entry.revision : change.revision);
}
