/** What the last line counts, and what stands before it. */
export interface Tally {
  passed: number;
  readonly failures: Failure[];
  /** What failed at first and passed when it was tried again. */
  readonly unsteady: Failure[];
  readonly skips: { readonly name: string; readonly reason: string | undefined }[];
}

export interface Failure {
  readonly name: string;
  readonly reason: string;
}

export function emptyTally(): Tally {
  return { passed: 0, failures: [], unsteady: [], skips: [] };
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

const reasonLength = 600;

/**
 * A skip must say why, and on the machine that guards the main branch there is none: what is not run there is not run
 * anywhere. What failed is said again at the end: the line of a test among thousands is found by nobody.
 */
export function verdict(tally: Tally, { ci, mayBeEmpty = false }: VerdictOptions): Verdict {
  const silent = tally.skips.filter(({ reason }) => !reason);
  const lines = tally.skips.map(
    ({ name, reason }) => `SKIP ${name}: ${reason || "no reason given, which is a failure"}`,
  );
  if (ci && tally.skips.length > 0) lines.push("A skip fails where CI=true.");
  for (const failure of tally.unsteady) lines.push(`UNSTEADY ${described(failure)}`);
  for (const failure of tally.failures) lines.push(`FAIL ${described(failure)}`);
  const failed = tally.failures.length + silent.length;
  const skipped = tally.skips.length - silent.length;
  lines.push(`${tally.passed} passed, ${failed} failed, ${skipped} skipped`);
  const isEmpty = tally.passed === 0 && !(mayBeEmpty && skipped > 0);
  return { lines, exitCode: failed > 0 || isEmpty || (ci && tally.skips.length > 0) ? 1 : 0 };
}

/** One line of its own for each, so that they can be picked out of a long output. */
function described({ name, reason }: Failure): string {
  const line = reason.replaceAll(/\s+/g, " ").trim();
  return `${name}: ${line.length > reasonLength ? `${line.slice(0, reasonLength)} …` : line}`;
}
