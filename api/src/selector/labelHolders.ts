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

  /** Of labels that will be asked about: all are looked for in one go. */
  prepare(labels: Iterable<string>): void {
    const asked = new Set([...labels].filter((label) => !this.#holders.has(label)));
    if (asked.size > 0) this.#lookFor(asked);
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
    this.prepare([label]);
    const ofLabel = this.#holders.get(label) ?? nobodyAtAll;
    if (values === null) yield* ofLabel.values();
    else for (const value of values) yield ofLabel.get(value) ?? nobody;
  }

  #lookFor(asked: ReadonlySet<string>): void {
    for (const label of asked) this.#holders.set(label, new Map());
    for (const [id, labels] of this.#all()) {
      for (const label in labels) {
        const holders = asked.has(label) ? this.#holders.get(label) : undefined;
        if (holders) add(holders, id, labels[label] ?? "");
      }
    }
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
const nobodyAtAll: Holders = new Map();
