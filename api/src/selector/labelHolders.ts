/** Who has which labels, with which values: to find the few that a selector may match. */
import type { Labels } from "./expression.ts";

export class LabelHolders {
  readonly #holders = new Map<string, Map<string, Set<string>>>();

  /** What one holder has from now on in place of what it had; `null` for nothing. */
  replace(id: string, before: Labels | null, after: Labels | null): void {
    for (const [label, value] of Object.entries(before ?? {})) {
      if (after?.[label] !== value) this.#remove(id, label, value);
    }
    for (const [label, value] of Object.entries(after ?? {})) {
      if (before?.[label] !== value) this.#add(id, label, value);
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

  #add(id: string, label: string, value: string): void {
    const ofLabel = this.#holders.get(label) ?? new Map<string, Set<string>>();
    this.#holders.set(label, ofLabel);
    ofLabel.set(value, (ofLabel.get(value) ?? new Set()).add(id));
  }

  #remove(id: string, label: string, value: string): void {
    const ofLabel = this.#holders.get(label);
    const ofValue = ofLabel?.get(value);
    ofValue?.delete(id);
    if (ofValue?.size === 0) ofLabel?.delete(value);
    if (ofLabel?.size === 0) this.#holders.delete(label);
  }

  *#sets(label: string, values: ReadonlySet<string> | null): Iterable<ReadonlySet<string>> {
    const ofLabel = this.#holders.get(label);
    if (!ofLabel) return;
    if (values === null) yield* ofLabel.values();
    else for (const value of values) yield ofLabel.get(value) ?? nobody;
  }
}

const nobody: ReadonlySet<string> = new Set();
