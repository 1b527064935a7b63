/**
 * Which selectors may match given labels. Each is found by one of its restrictions, or, where it has none (`a != "b"`,
 * `!has(a)`), by the labels that it looks at.
 */
import type { Labels } from "./expression.ts";

export interface IndexedSelector {
  /** Those that it looks at. */
  readonly labels: ReadonlySet<string>;
  /** One of its restrictions, `null` where it has none. */
  readonly handle: Handle | null;
}

/** By which label a selector is found; `values` as of a restriction. */
export interface Handle {
  readonly label: string;
  readonly values: ReadonlySet<string> | null;
}

export class CandidateSelectors<S extends IndexedSelector> {
  readonly #byValue = new Groups<S>();
  readonly #byLabel = new Groups<S>();
  readonly #unrestricted = new Set<S>();
  readonly #unrestrictedByLabel = new Groups<S>();

  add(selector: S): void {
    const { handle } = selector;
    if (handle) for (const [groups, key] of this.#places(handle)) groups.add(key, selector);
    else {
      this.#unrestricted.add(selector);
      for (const label of selector.labels) this.#unrestrictedByLabel.add(label, selector);
    }
  }

  remove(selector: S): void {
    const { handle } = selector;
    if (handle) for (const [groups, key] of this.#places(handle)) groups.remove(key, selector);
    else {
      this.#unrestricted.delete(selector);
      for (const label of selector.labels) this.#unrestrictedByLabel.remove(label, selector);
    }
  }

  /** How many are found by this handle already. */
  count({ label, values }: Handle): number {
    if (values === null) return this.#byLabel.get(label).size;
    let count = 0;
    for (const value of values) count += this.#byValue.get(valueKey(label, value)).size;
    return count;
  }

  /** Those that may match `labels`; with `changed`, those of them for which a change of these labels may matter. */
  *matching(labels: Labels, changed: ReadonlySet<string> | null): Iterable<S> {
    for (const label in labels) {
      if (this.#byValue.size > 0) yield* this.#byValue.get(valueKey(label, labels[label] ?? ""));
      if (this.#byLabel.size > 0) yield* this.#byLabel.get(label);
    }
    if (changed === null) yield* this.#unrestricted;
    else for (const label of changed) yield* this.#unrestrictedByLabel.get(label);
  }

  #places({ label, values }: Handle): [Groups<S>, string][] {
    if (values === null) return [[this.#byLabel, label]];
    return [...values].map((value) => [this.#byValue, valueKey(label, value)]);
  }
}

/** No label has a `=` in its name, so no two pairs are written alike. */
function valueKey(label: string, value: string): string {
  return `${label}=${value}`;
}

class Groups<S> {
  readonly #groups = new Map<string, Set<S>>();
  readonly #empty: ReadonlySet<S> = new Set();

  get size(): number {
    return this.#groups.size;
  }

  get(key: string): ReadonlySet<S> {
    return this.#groups.get(key) ?? this.#empty;
  }

  add(key: string, member: S): void {
    const group = this.#groups.get(key);
    if (group) group.add(member);
    else this.#groups.set(key, new Set([member]));
  }

  remove(key: string, member: S): void {
    const group = this.#groups.get(key);
    group?.delete(member);
    if (group?.size === 0) this.#groups.delete(key);
  }
}
