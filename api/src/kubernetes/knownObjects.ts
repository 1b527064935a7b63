/**
 * Which objects a watcher was told of, and in which version. Snapshots and single changes may overlap and repeat:
 * each version of an object is told at most once, and a deletion only when a complete snapshot lacks the object or
 * the server says so.
 */
import { ListingCheck } from "./listingCheck.ts";

export interface Observed<T> {
  /** `namespace/name`, or the name of what has no namespace. */
  readonly id: string;
  readonly resourceVersion: string;
  readonly object: T;
}

export type Difference<T> =
  | { readonly type: "changed"; readonly item: Observed<T> }
  | { readonly type: "deleted"; readonly id: string };

interface Snapshot<T> {
  readonly seen: Set<string>;
  /** `null` in the first, which has nothing to be compared with: all is told as it comes. */
  readonly heldBack: Map<string, Observed<T>> | null;
}

/** Of no object. */
const unknownVersion = "";

export class KnownObjects<T> {
  readonly #versions = new Map<string, string>();
  #snapshot: Snapshot<T> | null = null;
  #check: ListingCheck | null = null;

  get size(): number {
    return this.#versions.size;
  }

  /** What an unfinished snapshot held back is seen again in the next. */
  beginSnapshot(): void {
    this.#snapshot = { seen: new Set(), heldBack: this.#versions.size === 0 ? null : new Map() };
  }

  present(item: Observed<T>): readonly Difference<T>[] {
    const heldBack = this.#snapshot?.heldBack;
    this.#snapshot?.seen.add(item.id);
    heldBack?.delete(item.id);
    if (!heldBack) return this.#tell(item);
    if (this.#versions.get(item.id) !== item.resourceVersion) heldBack.set(item.id, item);
    return [];
  }

  /** `resourceVersion` is that of the deletion. */
  removed(id: string, resourceVersion: string): readonly Difference<T>[] {
    this.#check?.onDeleted(id, resourceVersion);
    return this.#remove(id);
  }

  beginCheck(): ListingCheck {
    this.#check = new ListingCheck(this.#versions);
    return this.#check;
  }

  /** Of a stream that ended, a check may end after that of the next one has begun. */
  endCheck(check: ListingCheck): void {
    if (this.#check === check) this.#check = null;
  }

  /** The next snapshot tells everything, and deletes what it does not have. */
  forgetVersions(): void {
    for (const id of this.#versions.keys()) this.#versions.set(id, unknownVersion);
  }

  #remove(id: string): readonly Difference<T>[] {
    this.#snapshot?.seen.delete(id);
    this.#snapshot?.heldBack?.delete(id);
    return this.#versions.delete(id) ? [{ type: "deleted", id }] : [];
  }

  /**
   * Deletions first, then what is new or other: an address must leave its old owner before it comes to a new one. That
   * is why a snapshot after the first is held back until it is complete.
   */
  endSnapshot(): readonly Difference<T>[] {
    const snapshot = this.#snapshot;
    this.#snapshot = null;
    if (!snapshot) return [];
    const gone = [...this.#versions.keys()].filter((id) => !snapshot.seen.has(id));
    const deletions = gone.flatMap((id) => this.#remove(id));
    return [...deletions, ...[...(snapshot.heldBack?.values() ?? [])].flatMap((item) => this.#tell(item))];
  }

  #tell(item: Observed<T>): readonly Difference<T>[] {
    if (this.#versions.get(item.id) === item.resourceVersion) return [];
    this.#versions.set(item.id, item.resourceVersion);
    return [{ type: "changed", item }];
  }
}
