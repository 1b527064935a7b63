import type { Least, OpenSoak } from "./soak.ts";

export interface Rounds {
  readonly rounds: number;
  /** What the rounds counted, added up. */
  readonly counts: Readonly<Record<string, number>>;
  /** The round that did not hold, and ended it. */
  readonly failure: { readonly seed: number; readonly error: unknown } | null;
}

export interface RoundsOptions {
  /** Of the first round. */
  readonly seed: number;
  readonly forMs: number;
  /** It goes on until this is done as well. */
  readonly least?: Least | undefined;
  readonly nowMs: () => number;
  /** After each round. */
  readonly onRound?: (sofar: Rounds) => void;
}

/** Round after round until the time is over and enough is done, one at least, or until one does not hold. */
export async function runRounds(
  soak: OpenSoak,
  { seed, forMs, least, nowMs, onRound }: RoundsOptions,
): Promise<Rounds> {
  const endMs = nowMs() + forMs;
  const counts: Record<string, number> = {};
  for (let rounds = 1; ; rounds++) {
    const present = (seed + rounds - 1) % 2 ** 31;
    try {
      for (const [name, count] of Object.entries(await soak.round(present))) counts[name] = (counts[name] ?? 0) + count;
    } catch (error) {
      return { rounds, counts, failure: { seed: present, error } };
    }
    onRound?.({ rounds, counts, failure: null });
    if (nowMs() >= endMs && isEnough(counts, least)) return { rounds, counts, failure: null };
  }
}

function isEnough(counts: Readonly<Record<string, number>>, least: Least | undefined): boolean {
  if (!least) return true;
  return least.counts.reduce((sum, name) => sum + (counts[name] ?? 0), 0) >= least.sum;
}
