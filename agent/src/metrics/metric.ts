/** What a process tells of itself as metrics: declared as rows, told as data, whoever makes the text of them. */

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Which line of a histogram it is; none for all else. */
  readonly suffix?: "bucket" | "sum" | "count";
}

export interface MetricRow<Facts> {
  /** With its unit, in the plural where it is one; `_total` at the end of a counter alone. */
  readonly name: string;
  readonly type: "gauge" | "counter" | "histogram";
  /** Also its line in docs/metrics.md. */
  readonly help: string;
  /** Each of them with few values, whatever a cluster does: no pods, no addresses of pods. */
  readonly labelNames: readonly string[];
  readonly samples: (facts: Facts) => readonly Sample[];
}

export interface ToldMetric extends Omit<MetricRow<never>, "samples"> {
  readonly samples: readonly Sample[];
}

/** A metric without samples is told as well: who asks sees that it exists. */
export function tell<Facts>(rows: readonly MetricRow<Facts>[], facts: Facts): ToldMetric[] {
  return rows.map(({ samples, ...row }) => ({ ...row, samples: samples(facts) }));
}

/** One value without labels; none where it is not known. */
export function single(value: number | null): Sample[] {
  return value === null ? [] : [{ labels: {}, value }];
}

/** A sample for each entry, named by one label. */
export function by(label: string, values: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }));
}
