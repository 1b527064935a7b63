/** A strict reader of Prometheus' text format, version 0.0.4: what an agent or the controllers answer, or why it is none. */
import { FixtureError } from "../fixtures/error.ts";

export interface Exposition {
  /** By name. */
  readonly types: ReadonlyMap<string, string>;
  /** The value of a sample as it is written: `name` or `name{label="value"}`. Throws where there is none. */
  value(sample: string): number;
  readonly samples: ReadonlyMap<string, number>;
}

const name = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const label = `[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"`;
const sampleLine = new RegExp(
  `^((${name})(?:\\{${label}(?:,${label})*\\})?) (-?[0-9.]+(?:e[+-]?[0-9]+)?|[+-]Inf|NaN)$`,
);

/** Each sample follows the help and the type of its metric; no metric and no sample is there twice. */
export function parseExposition(text: string): Exposition {
  const types = new Map<string, string>();
  const samples = new Map<string, number>();
  let helped: string | undefined;
  let current = "";
  if (!text.endsWith("\n")) throw notOne("the last line has no end", text.slice(-80));
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const help = new RegExp(`^# HELP (${name}) \\S.*$`).exec(line);
    const type = new RegExp(`^# TYPE (${name}) (counter|gauge|histogram|summary)$`).exec(line);
    if (help) helped = help[1];
    else if (type?.[1] && type[2]) {
      if (type[1] !== helped || types.has(type[1])) throw notOne("a type without its help, or a second one", line);
      current = type[1];
      types.set(current, type[2]);
    } else {
      const [, sample, of, value] = sampleLine.exec(line) ?? [];
      if (sample === undefined || of === undefined) throw notOne("no sample", line);
      if (!belongs(of, current, types.get(current)) || samples.has(sample)) throw notOne("out of its place", line);
      samples.set(sample, Number(value?.replace("Inf", "Infinity")));
    }
  }
  const present = (sample: string): number => {
    const value = samples.get(sample);
    if (value === undefined) throw notOne(`it has no ${sample}`, [...samples.keys()].join("\n"));
    return value;
  };
  return { types, samples, value: present };
}

function belongs(of: string, metric: string, type: string | undefined): boolean {
  if (type === "histogram") return [`${metric}_bucket`, `${metric}_sum`, `${metric}_count`].includes(of);
  return of === metric;
}

function notOne(expected: string, seen: string): FixtureError {
  return new FixtureError({ code: "EXPECTED", what: "the text of metrics", expected, seen });
}
