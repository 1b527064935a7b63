import type { OpenSoak } from "./soak.ts";

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
  readonly nowMs: () => number;
  /** After each round. */
  readonly onRound?: (sofar: Rounds) => void;
}

/** Round after round until the time is over, one at least, or until one does not hold. */
export async function runRounds(soak: OpenSoak, { seed, forMs, nowMs, onRound }: RoundsOptions): Promise<Rounds> {
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
    if (nowMs() >= endMs) return { rounds, counts, failure: null };
  }
}
