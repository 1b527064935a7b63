import { relative } from "node:path";
import { startVitest, type TestCase, type TestModule, type TestSuite } from "vitest/node";
import type { Failure, Tally } from "./tally.ts";

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
  const failedBefore = tally.failures.length;
  process.exitCode = 0;
  const vitest = await startVitest("test", [...patterns], {
    project: [project],
    watch: false,
    passWithNoTests: true,
    reporters: [["default", { summary: false }], counter, ...(listener === undefined ? [] : [listener])],
  });
  for (const error of vitest.state.getUnhandledErrors()) {
    tally.failures.push({ name: `${project}, outside of its tests`, reason: messageOf(error) });
  }
  await vitest.close();
  // What fails before any test, as a project's global setup, shows in the exit code alone.
  if (process.exitCode !== 0 && tally.failures.length === failedBefore) {
    tally.failures.push({ name: project, reason: "failed before any of its tests" });
  }
}

function countCase(test: TestCase, tally: Tally): void {
  const result = test.result();
  if (result.state === "skipped") tally.skips.push({ name: test.fullName, reason: result.note });
  if (result.state === "failed") tally.failures.push(failureOf(test, result.errors));
  if (result.state !== "passed") return;
  tally.passed += 1;
  if (test.diagnostic()?.flaky === true) tally.unsteady.push(failureOf(test, result.errors ?? []));
}

/** What failed outside any test: an import, a hook. */
function countErrors(task: TestModule | TestSuite, tally: Tally): void {
  const file = fileOf(task.type === "suite" ? task.module : task);
  const where = task.type === "suite" ? `${file} > ${task.fullName}` : file;
  for (const error of task.errors()) tally.failures.push({ name: where, reason: messageOf(error) });
}

function failureOf(test: TestCase, errors: readonly unknown[]): Failure {
  return { name: `${fileOf(test.module)} > ${test.fullName}`, reason: errors.map(messageOf).join("; ") };
}

function messageOf(error: unknown): string {
  return typeof error === "object" && error !== null && "message" in error ? String(error.message) : String(error);
}

function fileOf({ moduleId }: TestModule): string {
  return relative(process.cwd(), moduleId);
}
