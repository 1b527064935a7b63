import type { Instance } from "../fixtures/instance.ts";

/** One comparison. Figures of different machines mean nothing; a ratio to an anchor in the same run does. */
export interface Row {
  readonly name: string;
  readonly unit: string;
  /** Which way is good. */
  readonly better: "higher" | "lower";
  /** What ours is to be: at most, where it is lower that is better, else at least. */
  readonly target?: (anchor: number) => number;
  /** Why this machine cannot measure it, in a line; `null` where it can. Absent where any machine can. */
  lack?(): Promise<string | null>;
  measure(instance: Instance): Promise<Measured>;
}

export interface Measured {
  readonly anchor: { readonly name: string; readonly figure: number };
  /** Absent in a row that only measures anchors. */
  readonly ours?: number;
  /** What else was seen in the same run: memory, what is physically possible. */
  readonly notes?: readonly string[];
}

export async function elapsedMs(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** How many times as good as the anchor: above 1 is better, whichever way the figures run. */
export function ratio({ better }: Pick<Row, "better">, { anchor, ours }: Measured): number | undefined {
  if (ours === undefined) return undefined;
  return better === "higher" ? ours / anchor.figure : anchor.figure / ours;
}
