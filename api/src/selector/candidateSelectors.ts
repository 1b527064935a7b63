/**
 * Which selectors may match given labels. Each is found by one of its restrictions, or, where it has none (`a != "b"`,
 * `!has(a)`), by the labels that it looks at.
 */
import type { Labels } from "./expression.ts";
import type { Restriction } from "./restriction.ts";

export interface IndexedSelector {
  /** Those that it looks at. */
  readonly labels: ReadonlySet<string>;
  /** One of its restrictions, `null` where it has none. */
  readonly handle: Restriction | null;
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
  count({ label, values }: Restriction): number {
    if (values === null) return this.#byLabel.count(label);
    let count = 0;
    for (const value of values) count += this.#byValue.count(valueKey(label, value));
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

  #places({ label, values }: Restriction): [Groups<S>, string][] {
    if (values === null) return [[this.#byLabel, label]];
    return [...values].map((value) => [this.#byValue, valueKey(label, value)]);
  }
}

/** No label has a `=` in its name, so no two pairs are written alike. */
function valueKey(label: string, value: string): string {
  return `${label}=${value}`;
}

/** Of most keys there is one member alone: a Set for each would be most of what they cost. */
class Groups<S extends IndexedSelector> {
  readonly #groups = new Map<string, S | Set<S>>();

  get size(): number {
    return this.#groups.size;
  }

  count(key: string): number {
    const group = this.#groups.get(key);
    if (group === undefined) return 0;
    return group instanceof Set ? group.size : 1;
  }

  get(key: string): Iterable<S> {
    const group = this.#groups.get(key);
    if (group === undefined) return nobody;
    return group instanceof Set ? group : [group];
  }

  add(key: string, member: S): void {
    const group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, member);
    else if (group instanceof Set) group.add(member);
    else if (group !== member) this.#groups.set(key, new Set([group, member]));
  }

  remove(key: string, member: S): void {
    const group = this.#groups.get(key);
    if (group instanceof Set) {
      group.delete(member);
      if (group.size === 0) this.#groups.delete(key);
    } else if (group === member) this.#groups.delete(key);
  }
}

const nobody: Iterable<never> = [];
