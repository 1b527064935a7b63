import { startVitest, type TestCase, type TestModule, type TestSuite } from "vitest/node";
import type { Tally } from "./tally.ts";

/** What else whoever runs a project wants to hear of. */
export interface RunListener {
  onTestCaseResult(test: TestCase): void;
  onTestModuleEnd(module: TestModule): void;
}

/** Runs one project of vitest.config.ts, its own reporter showing progress, and counts into the tally. */
export async function runProject(
  project: string,
  patterns: readonly string[],
  tally: Tally,
  listener?: RunListener,
): Promise<void> {
  const counter = {
    onTestCaseResult: (test: TestCase): void => countCase(test, tally),
    onTestSuiteResult: (suite: TestSuite): void => countErrors(suite, tally),
    onTestModuleEnd: (module: TestModule): void => countErrors(module, tally),
  };
  const failedBefore = tally.failed;
  process.exitCode = 0;
  const vitest = await startVitest("test", [...patterns], {
    project: [project],
    watch: false,
    passWithNoTests: true,
    reporters: [["default", { summary: false }], counter, ...(listener === undefined ? [] : [listener])],
  });
  tally.failed += vitest.state.getUnhandledErrors().length;
  await vitest.close();
  // What fails before any test, as a project's global setup, shows in the exit code alone.
  if (process.exitCode !== 0 && tally.failed === failedBefore) tally.failed += 1;
}

function countCase(test: TestCase, tally: Tally): void {
  const result = test.result();
  if (result.state === "passed") tally.passed += 1;
  else if (result.state === "failed") tally.failed += 1;
  else tally.skips.push({ name: test.fullName, reason: result.state === "skipped" ? result.note : undefined });
}

/** What failed outside any test: an import, a hook. */
function countErrors(task: TestModule | TestSuite, tally: Tally): void {
  tally.failed += task.errors().length;
}
