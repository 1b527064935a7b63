/**
 * Who has which labels, with which values: to find the few that a selector may match. Of labels that no selector has asked
 * about yet nothing is kept: of a pod's ten labels selectors know one or two. The first question looks through all.
 */
import type { Labels } from "./expression.ts";

type Holders = Map<string, Set<string>>;

export class LabelHolders {
  /** By label, then by value. */
  readonly #holders = new Map<string, Holders>();
  readonly #all: () => Iterable<readonly [string, Labels]>;

  /** `all` answers everyone as they are once the calls of `replace` so far are done. */
  constructor(all: () => Iterable<readonly [string, Labels]>) {
    this.#all = all;
  }

  /** What one holder has from now on in place of what it had; `null` for nothing. */
  replace(id: string, before: Labels | null, after: Labels | null): void {
    if (this.#holders.size === 0) return;
    for (const label in before) {
      const holders = before[label] === after?.[label] ? undefined : this.#holders.get(label);
      if (holders) remove(holders, id, before[label] ?? "");
    }
    for (const label in after) {
      const holders = before?.[label] === after[label] ? undefined : this.#holders.get(label);
      if (holders) add(holders, id, after[label] ?? "");
    }
  }

  /** `values` as of a restriction: `null` for any. */
  *with(label: string, values: ReadonlySet<string> | null): Iterable<string> {
    for (const holders of this.#sets(label, values)) yield* holders;
  }

  count(label: string, values: ReadonlySet<string> | null): number {
    let count = 0;
    for (const holders of this.#sets(label, values)) count += holders.size;
    return count;
  }

  *#sets(label: string, values: ReadonlySet<string> | null): Iterable<ReadonlySet<string>> {
    const ofLabel = this.#holders.get(label) ?? this.#lookFor(label);
    if (values === null) yield* ofLabel.values();
    else for (const value of values) yield ofLabel.get(value) ?? nobody;
  }

  #lookFor(label: string): Holders {
    const holders: Holders = new Map();
    for (const [id, labels] of this.#all()) {
      const value = Object.hasOwn(labels, label) ? labels[label] : undefined;
      if (value !== undefined) add(holders, id, value);
    }
    this.#holders.set(label, holders);
    return holders;
  }
}

function add(holders: Holders, id: string, value: string): void {
  const ofValue = holders.get(value);
  if (ofValue) ofValue.add(id);
  else holders.set(value, new Set([id]));
}

function remove(holders: Holders, id: string, value: string): void {
  const ofValue = holders.get(value);
  ofValue?.delete(id);
  if (ofValue?.size === 0) holders.delete(value);
}

const nobody: ReadonlySet<string> = new Set();
