/** Who has which labels, with which values: to find the few that a selector may match. */
import type { Labels } from "./expression.ts";

export class LabelHolders {
  readonly #holders = new Map<string, Map<string, Set<string>>>();

  add(id: string, labels: Labels): void {
    for (const [label, value] of Object.entries(labels)) {
      const ofLabel = this.#holders.get(label) ?? new Map<string, Set<string>>();
      this.#holders.set(label, ofLabel);
      ofLabel.set(value, (ofLabel.get(value) ?? new Set()).add(id));
    }
  }

  /** `labels` are those that were added. */
  remove(id: string, labels: Labels): void {
    for (const [label, value] of Object.entries(labels)) {
      const ofLabel = this.#holders.get(label);
      const ofValue = ofLabel?.get(value);
      ofValue?.delete(id);
      if (ofValue?.size === 0) ofLabel?.delete(value);
      if (ofLabel?.size === 0) this.#holders.delete(label);
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
    const ofLabel = this.#holders.get(label);
    if (!ofLabel) return;
    if (values === null) yield* ofLabel.values();
    else for (const value of values) yield ofLabel.get(value) ?? nobody;
  }
}

const nobody: ReadonlySet<string> = new Set();
