/**
 * `npm run test:kubeadm`: the tests on real clusters of kubeadm's, then a table of what was tried, then one line that
 * says how it went.
 *
 *   npm run test:kubeadm -- PATTERN   only the test files whose path holds PATTERN
 */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestCase, TestModule } from "vitest/node";
import { shareCompiledCode } from "../fixtures/compileCache.ts";
import { processInstance } from "../fixtures/instance.ts";
import { buildPrograms } from "../fixtures/kube/build.ts";
import { clusterProgramNames } from "../fixtures/kube/programs.ts";
import { findHierarchies, lackIn } from "../fixtures/kubeadm/cgroups.ts";
import { makeMaterials } from "../fixtures/kubeadm/materials.ts";
import { brindleImage } from "../kubeadm/brindle.ts";
import { findRecordings } from "./recordings.ts";
import { type ItemResult, resultsTable } from "./results.ts";
import { emptyTally, verdict } from "./tally.ts";
import { runProject } from "./vitest.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
process.chdir(root);
shareCompiledCode();
const tally = emptyTally();
const items: ItemResult[] = [];
const aroundMs = new Map<string, number>();
const startMs = performance.now();
try {
  const reason = await reasonAgainst();
  if (reason === undefined) {
    findRecordings(root, "the recipes of network policies that operators copy from", tally);
    await makeMaterials(console.log);
    await makeImage();
    await runProject("kubeadm", process.argv.slice(2), tally, { onTestCaseResult, onTestModuleEnd });
  } else {
    tally.skips.push({ name: "all tests on clusters of kubeadm's", reason });
  }
} catch (error) {
  tally.failures.push({ name: "making what clusters are made of", reason: String(error) });
}
if (items.length > 0) console.log(`${resultsTable(items, aroundMs)}\n${minutes(performance.now() - startMs)}`);
const { lines, exitCode } = verdict(tally, { ci: process.env.CI === "true", mayBeEmpty: true });
for (const line of lines) console.log(line);
// Workers or sockets that a test forgot must not hold the answer back.
process.exit(exitCode);

/** Why this machine has no cluster; what goes wrong although it could have one is thrown. */
async function reasonAgainst(): Promise<string | undefined> {
  const lack = lackIn(await findHierarchies());
  if (lack !== undefined) return lack;
  const built = await buildPrograms(console.log, clusterProgramNames);
  return built.kind === "unavailable" ? built.reason : undefined;
}

/** Once for all files; it goes with this process, however that ends. */
async function makeImage(): Promise<void> {
  const directory = await (await processInstance()).createDirectory("image", "/var/tmp");
  process.env.BRINDLE_IMAGE = await brindleImage(directory);
}

function onTestCaseResult(test: TestCase): void {
  const { packets } = test.meta();
  const { state } = test.result();
  if (state === "pending") return;
  items.push({
    file: fileOf(test.module),
    name: test.fullName,
    state,
    durationMs: test.diagnostic()?.duration ?? 0,
    ...(packets !== undefined && { packets }),
  });
}

function onTestModuleEnd(module: TestModule): void {
  const file = fileOf(module);
  const ofItems = items.filter((item) => item.file === file).reduce((sum, { durationMs }) => sum + durationMs, 0);
  aroundMs.set(file, module.diagnostic().duration - ofItems);
}

function fileOf({ moduleId }: TestModule): string {
  return relative(root, moduleId);
}

function minutes(ms: number): string {
  return `${(ms / 60_000).toFixed(1)} minutes for all of it`;
}
