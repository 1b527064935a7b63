/** Calico's datastore in etcd, by the npm client `etcd3`, of which we use the calls and the raw stream of a watch. */
import type { KeyChange, Transaction } from "../grpc/transaction.ts";
import { builtIn, isDefaultAllow } from "../store/builtIn.ts";
import { type Entry, encodeValue } from "../store/codec.ts";
import { StoreError } from "../store/error.ts";
import { etcdKey, etcdPrefixes } from "../store/etcdKeys.ts";
import { OwnWrites } from "../store/ownWrites.ts";
import { checkWrites, decodeEntry, listingOf } from "../store/request.ts";
import type { CommitResult, Item, Key, Kind, Listing, Scope, Store, Watch, WatchEvent, Write } from "../store/store.ts";
import { EtcdConnection, type EtcdConnectionOptions } from "./etcdConnection.ts";
import { listAll } from "./etcdRange.ts";
import { EtcdWatch, type EtcdWatchOptions } from "./etcdWatch.ts";

export { type EtcdHistory, openEtcdHistory } from "./etcdHistory.ts";

export interface EtcdStoreOptions extends EtcdConnectionOptions, EtcdWatchOptions {}

/**
 * Opens nothing yet: the first call connects. A commit that ends with UNAVAILABLE may have happened or not; whoever
 * must know reads the keys again.
 */
export function openEtcdStore(options: EtcdStoreOptions): Store {
  return new EtcdStore(options);
}

class EtcdStore implements Store {
  readonly transactions = "many";
  readonly #connection: EtcdConnection;
  readonly #options: EtcdStoreOptions;
  readonly #watches = new Set<EtcdWatch>();
  readonly #ownWrites = new OwnWrites();

  constructor(options: EtcdStoreOptions) {
    this.#options = options;
    this.#connection = new EtcdConnection(options);
  }

  async get<K extends Kind>(key: Key<K>): Promise<Item<K> | null> {
    if (isDefaultAllow(key)) return builtIn(key.kind)[0] ?? null;
    const { entries } = await this.#connection.range({ key: Buffer.from(etcdKey(key)) });
    const [entry] = entries;
    return entry ? decodeEntry(key, entry) : null;
  }

  async list<K extends Kind>(kind: K, scope: Scope = {}): Promise<Listing<K>> {
    const { entries, revision } = await listAfterCompaction(this.#connection, etcdPrefixes(kind, scope));
    return listingOf(kind, scope, { entries, revision });
  }

  async commit(writes: readonly Write[]): Promise<CommitResult> {
    checkWrites(writes);
    const { revision, succeeded, found } = await this.#connection.transact(this.#transactionOf(writes));
    if (succeeded) return { kind: "committed", revision };
    return { kind: "conflict", current: writes.map(({ key }, i) => currentOf(key, found[i] ?? null)) };
  }

  watch(kinds: readonly Kind[], listener: (event: WatchEvent) => void): Watch {
    const watch = new EtcdWatch(kinds, listener, {
      connection: this.#connection,
      options: this.#options,
      ownWrites: this.#ownWrites,
    });
    this.#watches.add(watch);
    return {
      stop: async () => {
        this.#watches.delete(watch);
        await watch.stop();
      },
      stalenessMs: () => watch.stalenessMs(),
    };
  }

  /** Compares revisions, then writes all; where one differs, reads all instead. */
  #transactionOf(writes: readonly Write[]): Transaction {
    const keyed = writes.map((write) => ({ write, key: etcdKey(write.key) }));
    return {
      conditions: keyed
        .filter(({ write }) => write.op !== "put")
        .map(({ write, key }) => ({
          key,
          revision: "revision" in write && write.revision !== null ? write.revision : absent,
        })),
      changes: keyed.flatMap(({ write, key }) => this.#changeOf(write, key)),
      otherwiseRead: keyed.map(({ key }) => key),
    };
  }

  #changeOf(write: Write, key: string): KeyChange[] {
    if (write.op === "expect") return [];
    if (write.op === "delete") return [{ key, text: null }];
    const text = encodeValue(write.key, write.value);
    if (this.#watches.size > 0) this.#ownWrites.note(write, key, text);
    return [{ key, text }];
  }

  async close(): Promise<void> {
    await Promise.all([...this.#watches].map((watch) => watch.stop()));
    this.#watches.clear();
    this.#connection.close();
  }
}

/** A compaction between two pages is bad luck; twice in a row it is not. */
async function listAfterCompaction(connection: EtcdConnection, prefixes: readonly string[]) {
  try {
    return await listAll(connection, prefixes);
  } catch (error) {
    if (!(error instanceof StoreError) || error.failure.code !== "COMPACTED") throw error;
    return listAll(connection, prefixes);
  }
}

/** etcd says that a key which is not there was last changed at revision 0. */
const absent = "0";

function currentOf(key: Key, entry: Entry | null): Item | { readonly key: Key; readonly value: null } {
  return entry ? decodeEntry(key, entry) : { key, value: null };
}
