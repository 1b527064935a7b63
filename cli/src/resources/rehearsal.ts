/**
 * A store to try writes on: it reads what the real one holds and keeps what is written to itself. A set of writes that
 * succeeds here fails on the real store only if somebody else writes meanwhile.
 */
import assert from "node:assert/strict";
import type { CommitResult, Item, Key, Kind, Listing, Scope, Store, Watch, Write } from "@brindle/api";

export class Rehearsal implements Store {
  readonly transactions: Store["transactions"];
  readonly #real: Store;
  /** What was written here, by key; `null` for what was deleted. */
  readonly #written = new Map<string, { readonly key: Key; readonly item: Item | null }>();
  #writes = 0;

  constructor(real: Store) {
    this.transactions = real.transactions;
    this.#real = real;
  }

  async get<K extends Kind>(key: Key<K>): Promise<Item<K> | null> {
    const written = this.#written.get(textOf(key));
    if (written) return written.item as Item<K> | null; // Under a key of this kind.
    return this.#real.get(key);
  }

  async list<K extends Kind>(kind: K, scope: Scope = {}): Promise<Listing<K>> {
    const listing = await this.#real.list(kind, scope);
    const untouched = listing.items.filter(({ key }) => !this.#written.has(textOf(key)));
    const written = [...this.#written.values()].flatMap(({ key, item }) =>
      item && key.kind === kind && isWithin(key, scope) ? [item as Item<K>] : [],
    );
    const undecodable = listing.undecodable.filter(({ key }) => !this.#written.has(textOf(key)));
    return { ...listing, undecodable, items: [...untouched, ...written] };
  }

  async commit(writes: readonly Write[]): Promise<CommitResult> {
    // A `put` is over whatever is there, also over what cannot be read.
    const asking = writes.filter(({ op }) => op !== "put");
    const asked = await this.#current(asking);
    if (!asking.every((write, i) => holds(write, asked[i]))) {
      return { kind: "conflict", current: await this.#current(writes) };
    }
    this.#writes++;
    const revision = `rehearsal-${this.#writes}`;
    for (const write of writes) {
      const { key } = write;
      if (write.op === "expect") continue;
      const item = write.op === "delete" ? null : ({ key, value: write.value, revision } as Item);
      this.#written.set(textOf(key), { key, item });
    }
    return { kind: "committed", revision };
  }

  #current(writes: readonly Write[]): Promise<(Item | { readonly key: Key; readonly value: null })[]> {
    return Promise.all(writes.map(async ({ key }) => (await this.get(key)) ?? { key, value: null }));
  }

  watch(): Watch {
    assert.fail("nothing watches a rehearsal");
  }

  /** The real store is not ours. */
  async close(): Promise<void> {}
}

function holds(write: Write, current: Item | { readonly value: null } | undefined): boolean {
  const revision = current && "revision" in current ? current.revision : null;
  switch (write.op) {
    case "put":
      return true;
    case "create":
      return revision === null;
    default:
      return revision === write.revision;
  }
}

function textOf({ kind, namespace, name }: Key): string {
  return `${kind}\n${namespace ?? ""}\n${name}`;
}

function isWithin({ namespace, name }: Key, scope: Scope): boolean {
  if (scope.namespace !== undefined && namespace !== scope.namespace) return false;
  return name.startsWith(scope.namePrefix ?? "");
}
