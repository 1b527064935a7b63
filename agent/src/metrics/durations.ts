/** How long something took, counted by upper bounds in seconds: a histogram of Prometheus, without its library. */
import type { Sample } from "./metric.ts";

interface Counts {
  readonly labels: Readonly<Record<string, string>>;
  /** By bound, those between it and the one before; the last is for what is longer than all. */
  readonly within: number[];
  sum: number;
}

export class Durations {
  readonly #bounds: readonly number[];
  readonly #byLabels = new Map<string, Counts>();

  /** `bounds` grow. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
  }

  observe(seconds: number, labels: Readonly<Record<string, string>> = {}): void {
    const name = JSON.stringify(labels);
    const counts = this.#byLabels.get(name) ?? { labels, within: this.#bounds.map(() => 0).concat(0), sum: 0 };
    this.#byLabels.set(name, counts);
    const index = this.#bounds.findIndex((bound) => seconds <= bound);
    const slot = index === -1 ? this.#bounds.length : index;
    counts.within[slot] = (counts.within[slot] ?? 0) + 1;
    counts.sum += seconds;
  }

  samples(): Sample[] {
    return [...this.#byLabels.values()].flatMap((counts) => this.#samplesOf(counts));
  }

  /** Buckets hold all that is within their bound, so the last one is the count. */
  #samplesOf({ labels, within, sum }: Counts): Sample[] {
    let count = 0;
    const buckets = within.map((more, slot): Sample => {
      count += more;
      return { labels: { ...labels, le: String(this.#bounds[slot] ?? "+Inf") }, value: count, suffix: "bucket" };
    });
    return [...buckets, { labels, value: sum, suffix: "sum" }, { labels, value: count, suffix: "count" }];
  }
}
