/** What the last line counts, and what stands before it. */
export interface Tally {
  passed: number;
  failed: number;
  readonly skips: { readonly name: string; readonly reason: string | undefined }[];
}

export function emptyTally(): Tally {
  return { passed: 0, failed: 0, skips: [] };
}

export interface Verdict {
  /** The last of them is `N passed, N failed, N skipped`. */
  readonly lines: readonly string[];
  readonly exitCode: 0 | 1;
}

export interface VerdictOptions {
  readonly ci: boolean;
  /** Whether it is no failure that nothing ran at all: where all of it was skipped for a reason. */
  readonly mayBeEmpty?: boolean;
}

/**
 * A skip must say why, and on the machine that guards the main branch there is none: what is not run there is not run
 * anywhere.
 */
export function verdict(tally: Tally, { ci, mayBeEmpty = false }: VerdictOptions): Verdict {
  const silent = tally.skips.filter(({ reason }) => !reason);
  const lines = tally.skips.map(
    ({ name, reason }) => `SKIP ${name}: ${reason || "no reason given, which is a failure"}`,
  );
  if (ci && tally.skips.length > 0) lines.push("A skip fails where CI=true.");
  const failed = tally.failed + silent.length;
  const skipped = tally.skips.length - silent.length;
  lines.push(`${tally.passed} passed, ${failed} failed, ${skipped} skipped`);
  const isEmpty = tally.passed === 0 && !(mayBeEmpty && skipped > 0);
  return { lines, exitCode: failed > 0 || isEmpty || (ci && tally.skips.length > 0) ? 1 : 0 };
}
