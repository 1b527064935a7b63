/** Counters by their labels, which are given in the order of their names. */
import type { Sample } from "./metric.ts";

export class Counts {
  readonly #names: readonly string[];
  readonly #counts = new Map<string, { readonly labels: Sample["labels"]; value: number }>();

  constructor(...names: readonly string[]) {
    this.#names = names;
  }

  add(values: readonly string[], more = 1): void {
    const key = JSON.stringify(values);
    const labels = Object.fromEntries(this.#names.map((name, at) => [name, values[at] ?? ""]));
    const count = this.#counts.get(key) ?? { labels, value: 0 };
    this.#counts.set(key, count);
    count.value += more;
  }

  samples(): Sample[] {
    return [...this.#counts.values()].map(({ labels, value }) => ({ labels, value }));
  }
}
