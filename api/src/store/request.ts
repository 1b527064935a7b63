/** What every store refuses before it asks anybody, in the same words. */
import { builtIn, isDefaultAllow } from "./builtIn.ts";
import { type Decoded, decodeValue, type Entry } from "./codec.ts";
import { StoreError } from "./error.ts";
import { etcdKey, inScope, parseEtcdKey } from "./etcdKeys.ts";
import type { Item, Key, Kind, Listing, Revision, Scope, Undecodable, Write } from "./store.ts";

/** etcd's own limit unless it is started with another (`--max-txn-ops`). */
export const operationsMax = 128;

/** etcd's own limit of one request, unless it is started with another (`--max-request-bytes`). */
export const requestBytesMax: number = 1.5 * 1024 * 1024;

/** Throws a `StoreError` for a transaction that can never be done. */
export function checkWrites(writes: readonly Write[]): void {
  if (writes.length > operationsMax) {
    throw refused(`a transaction of ${writes.length} operations; etcd takes at most ${operationsMax}: split it`);
  }
  const keys = new Set<string>();
  for (const { key } of writes) {
    const text = etcdKey(key);
    if (keys.has(text)) throw refused(`a transaction that names ${formatKey(key)} twice`);
    if (isDefaultAllow(key)) throw refused(`${formatKey(key)} is built in and cannot be written`);
    if (!isReadBack(key, text)) throw refused(`${formatKey(key)} is no name under which it can be stored`);
    keys.add(text);
  }
}

/** What a store of single writes refuses beside. */
export function checkSingleWrite(writes: readonly Write[]): void {
  if (writes.length <= 1) return;
  throw refused(
    `a transaction over ${writes.map(({ key }) => formatKey(key)).join(", ")}: this datastore writes one object at a time`,
  );
}

/** A name may be empty, or hold a slash: then a listing would take the key for another's, or for nobody's. */
function isReadBack(key: Key, text: string): boolean {
  const read = parseEtcdKey<Kind>(key.kind, text);
  return read !== null && read.name === key.name && read.namespace === key.namespace;
}

export function refused(reason: string): StoreError {
  return new StoreError({ code: "REFUSED", reason });
}

/** `Node(node1)`, `NetworkPolicy(prod/allow-db)` */
export function formatKey(key: Key): string {
  return `${key.kind}(${key.namespace === undefined ? "" : `${key.namespace}/`}${key.name})`;
}

/** Throws a `StoreError` where the text does not decode. */
export function decodeEntry<K extends Kind>(key: Key<K>, entry: Entry): Item<K> {
  const decoded = decodeValue(key.kind, entry.text);
  if (decoded.kind === "value") return { key, value: decoded.value, revision: entry.revision };
  throw new StoreError({ code: "UNDECODABLE", key: formatKey(key), reason: decoded.reason });
}

export function listingOf<K extends Kind>(
  kind: K,
  scope: Scope,
  { entries, revision }: { readonly entries: readonly Entry[]; readonly revision: Revision },
): Listing<K> {
  const items: Item<K>[] = [];
  const undecodable: Undecodable[] = [];
  for (const entry of entries) {
    const key = parseEtcdKey(kind, entry.key);
    if (!key || !inScope(key, scope)) continue;
    const decoded = decodeValue(kind, entry.text);
    if (decoded.kind === "value") items.push({ key, value: decoded.value, revision: entry.revision });
    else undecodable.push(setAside(key, decoded));
  }
  return { items: [...items, ...builtIn(kind, scope)], undecodable, revision };
}

/** What a listing and a watch say of an object that does not decode. */
export function setAside(key: Key, { reason, partial }: Extract<Decoded<Kind>, { kind: "undecodable" }>): Undecodable {
  return { key, reason, ...(partial !== undefined && { partial }) };
}
