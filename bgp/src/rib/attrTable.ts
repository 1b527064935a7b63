/**
 * Path attributes, each distinct set stored once and counted: comparing two sets is comparing two small integers. What
 * the decision needs of a set is worked out when it is interned, into columns.
 */
import assert from "node:assert/strict";
import type { AsPathSegment, Origin, PathAttributes } from "../wire/message.ts";
import { attributeKey } from "./attributeKey.ts";
import { Column, IdPool } from "./column.ts";

/** Zero is no attribute set. */
export type AttrId = number;

/** RFC 4271 §9.1.1 leaves the degree of preference of external routes to us; every implementation says 100. */
export const localPrefDefault = 100;

export class AttrTable {
  readonly localPref: Column = new Column();
  readonly asPathLength: Column = new Column();
  readonly origin: Column = new Column();
  readonly med: Column = new Column();
  /** The AS that MED is compared within; zero for a path that is empty or begins with a set. */
  readonly neighborAsn: Column = new Column();
  /** Zero where there is none: no router has that identifier. */
  readonly originatorId: Column = new Column();
  readonly clusterListLength: Column = new Column();
  readonly #refs = new Column();
  readonly #pool = new IdPool();
  readonly #ids = new Map<string, AttrId>();
  readonly #keys: string[] = [];
  readonly #values: PathAttributes[] = [];

  get size(): number {
    return this.#ids.size;
  }

  /** The set's id, which lives once it is retained. */
  intern(attributes: PathAttributes): AttrId {
    const key = attributeKey(attributes);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.#pool.take();
    this.#ids.set(key, id);
    this.#keys[id] = key;
    this.#values[id] = attributes;
    this.localPref.set(id, attributes.localPref ?? localPrefDefault);
    this.asPathLength.set(id, asPathLength(attributes.asPath));
    this.origin.set(id, originRank[attributes.origin]);
    this.med.set(id, attributes.med ?? 0); // RFC 4271 §9.1.2.2 c: absent counts as the lowest.
    this.neighborAsn.set(id, neighborAsn(attributes.asPath));
    this.originatorId.set(id, attributes.originatorId ?? 0);
    this.clusterListLength.set(id, attributes.clusterList?.length ?? 0);
    return id;
  }

  value(id: AttrId): PathAttributes {
    const attributes = this.#values[id];
    assert(attributes, `no attribute set ${id}`);
    return attributes;
  }

  retain(id: AttrId): void {
    this.#refs.set(id, this.#refs.get(id) + 1);
  }

  release(id: AttrId): void {
    const refs = this.#refs.get(id);
    assert(refs > 0, `attribute set ${id} is released once too often`);
    this.#refs.set(id, refs - 1);
    if (refs > 1) return;
    this.#ids.delete(this.#keys[id] ?? "");
    delete this.#keys[id];
    delete this.#values[id];
    this.#pool.giveBack(id);
  }
}

const originRank: Readonly<Record<Origin, number>> = { igp: 0, egp: 1, incomplete: 2 };

/** RFC 4271 §9.1.2.2 a: a set counts as one. RFC 5065 §5.3: confederation segments count nothing. */
function asPathLength(path: readonly AsPathSegment[]): number {
  let length = 0;
  for (const { type, asns } of path) length += type === "sequence" ? asns.length : type === "set" ? 1 : 0;
  return length;
}

function neighborAsn(path: readonly AsPathSegment[]): number {
  const first = path.find(({ type }) => type === "sequence" || type === "set");
  return first?.type === "sequence" ? (first.asns[0] ?? 0) : 0;
}
