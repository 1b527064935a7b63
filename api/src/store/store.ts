/**
 * The port to the datastore. Callers speak of kinds and names; where and how they are kept (etcd keys, Kubernetes
 * objects, a map) is the implementation's. Every implementation passes one contract test (test/src/storeContract).
 *
 * What never happens: a lost connection or a dropped watch is never told as a deletion, and a write never overwrites
 * a revision that its writer has not read, unless it says `put`.
 */
import type { JsonValue } from "../json/json.ts";
import type { BlockAffinity } from "../kinds/blockAffinity.ts";
import type { IPAMBlock } from "../kinds/ipamBlock.ts";
import type { IPAMConfig } from "../kinds/ipamConfig.ts";
import type { IPAMHandle } from "../kinds/ipamHandle.ts";
import type { Resources } from "../kinds/kinds.ts";

/** Every kind that can be stored, and the type of its value. */
export interface Stored extends Resources {
  /** Named by its CIDR: `10.0.0.0/26`. */
  readonly IPAMBlock: IPAMBlock;
  /** Named `host:<node>/<cidr>`. */
  readonly BlockAffinity: BlockAffinity;
  /** Named by its handle, `k8s-pod-network.<container>`. */
  readonly IPAMHandle: IPAMHandle;
  /** There is one, named `default`. On Kubernetes it is the resource IPAMConfiguration. */
  readonly IPAMConfig: IPAMConfig;
}

export type Kind = keyof Stored;

export interface Key<K extends Kind = Kind> {
  readonly kind: K;
  readonly namespace?: string;
  readonly name: string;
}

/** The datastore's own: compared for equality, never computed with. etcd's ModRevision in decimal. */
export type Revision = string;

export interface Item<K extends Kind = Kind> {
  readonly key: Key<K>;
  readonly value: Stored[K];
  readonly revision: Revision;
}

export interface Listing<K extends Kind> {
  readonly items: readonly Item<K>[];
  /** What is stored but does not decode. Like a watch, a listing goes on without it; the caller may report it. */
  readonly undecodable: readonly Undecodable[];
  readonly revision: Revision;
}

export interface Undecodable {
  readonly key: Key;
  readonly reason: string;
  /** What is stored, where it is JSON at all: whoever must fail closed may read of it what can be read. */
  readonly partial?: JsonValue;
}

/** One write of a transaction; all of them happen or none. */
export type Write =
  | {
      [K in Kind]:
        | { readonly op: "create"; readonly key: Key<K>; readonly value: Stored[K] }
        | { readonly op: "update"; readonly key: Key<K>; readonly value: Stored[K]; readonly revision: Revision }
        /** Creates or overwrites whatever is there: for values that one writer owns. */
        | { readonly op: "put"; readonly key: Key<K>; readonly value: Stored[K] };
    }[Kind]
  | { readonly op: "delete"; readonly key: Key; readonly revision: Revision }
  /** Writes nothing; the transaction needs the key at this revision, or absent (`null`). */
  | { readonly op: "expect"; readonly key: Key; readonly revision: Revision | null };

export type CommitResult =
  | { readonly kind: "committed"; readonly revision: Revision }
  /** What the store holds now under every key of the transaction, read in the same instant. */
  | { readonly kind: "conflict"; readonly current: readonly (Item | { readonly key: Key; readonly value: null })[] };

export type WatchEvent =
  | { readonly type: "changed"; readonly item: Item }
  | { readonly type: "deleted"; readonly key: Key }
  /**
   * What is stored under the key does not decode; `reason` says why. It is set aside: most consumers treat it as
   * absent, a policy closes what it selects.
   */
  | ({ readonly type: "undecodable" } & Undecodable)
  /** All that existed when the watch began has been told. Comes once for each kind. */
  | { readonly type: "inSync"; readonly kind: Kind }
  /** The datastore is away; what was told still stands. `connected` follows, after the differences. */
  | { readonly type: "disconnected"; readonly reason: string }
  | { readonly type: "connected" }
  /** What was told is whole again, and how that came is worth a line in a log and a count. */
  | { readonly type: "trouble"; readonly trouble: WatchTrouble; readonly reason: string };

export type WatchTrouble =
  /** The history ran away from the watch, which listed anew. */
  | "compacted"
  /** A listing found what no event had told. */
  | "missed"
  /** Revisions ran backwards: an older snapshot was restored, or another datastore answers. */
  | "setBack";

export interface Scope {
  readonly namespace?: string;
  /** Only names that begin so. */
  readonly namePrefix?: string;
}

export interface Store {
  /** Whether a commit may have many writes, or one alone. A store of `single` refuses more, `expect` included. */
  readonly transactions: "many" | "single";
  get<K extends Kind>(key: Key<K>): Promise<Item<K> | null>;
  list<K extends Kind>(kind: K, scope?: Scope): Promise<Listing<K>>;
  commit(writes: readonly Write[]): Promise<CommitResult>;
  /** Tells the present state, then every change, until stopped. Survives compaction and reconnects by listing anew. */
  watch(kinds: readonly Kind[], listener: (event: WatchEvent) => void): Watch;
  close(): Promise<void>;
}

export interface Watch {
  stop(): Promise<void>;
  /**
   * How long ago, in ms, the datastore last proved that nothing else had happened; `null` before it first has. While
   * all is well this stays below the interval of its signs of life, however quiet the cluster is.
   */
  stalenessMs(): number | null;
}
