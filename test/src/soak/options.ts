import { parseArgs } from "node:util";

/** What a command line asks for. */
export interface SoakOptions {
  readonly name: string;
  /** `null` where the command line does not say. */
  readonly forMs: number | null;
  /** Of the first round; each later one has the next. */
  readonly seed: number;
}

const unitsMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };
const seedMax = 2 ** 31 - 1;

/** `NAME [--for 10m] [--seed N]`; a `RangeError` or `TypeError` says what is wrong with it. */
export function readOptions(args: readonly string[], names: readonly string[], someSeed: number): SoakOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { for: { type: "string" }, seed: { type: "string" } },
  });
  const [name, ...rest] = positionals;
  const known = `there is ${names.join(", ")}`;
  if (name === undefined) throw new RangeError(`usage: npm run soak -- NAME [--for 10m] [--seed N]; ${known}`);
  if (rest.length > 0) throw new RangeError(`one soak at a time, not "${positionals.join(" ")}"`);
  if (!names.includes(name)) throw new RangeError(`no soak is called "${name}"; ${known}`);
  const forMs = values.for === undefined ? null : durationMs(values.for);
  return { name, forMs, seed: values.seed === undefined ? someSeed : seedOf(values.seed) };
}

function durationMs(text: string): number {
  const [, count, unit] = /^(\d+)([smh])$/.exec(text) ?? [];
  if (count === undefined || unit === undefined) throw new RangeError(`--for ${text}: a number with s, m or h, as 90s`);
  return Number(count) * (unitsMs[unit] ?? 0);
}

function seedOf(text: string): number {
  const seed = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(seed <= seedMax)) throw new RangeError(`--seed ${text}: a whole number from 0 to ${seedMax}`);
  return seed;
}
