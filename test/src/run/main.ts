/**
 * `npm test`: the checks of the tree, then every test, then one line that says how it went.
 *
 *   npm test -- PATTERN            only the test files whose path holds PATTERN, and the checks whose name does
 *   BRINDLE_SEED=$RANDOM npm test  with other random cases
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { shareCompiledCode } from "../fixtures/compileCache.ts";
import { prepareKube } from "./kube.ts";
import { findRecordings } from "./recordings.ts";
import { emptyTally, type Tally, verdict } from "./tally.ts";
import { runProject } from "./vitest.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const checks: { name: string; command: string; args: string[] }[] = [
  { name: "format and lint", command: "biome", args: ["check", "--error-on-warnings", "."] },
  { name: "types", command: "turbo", args: ["run", "typecheck", "--output-logs=errors-only"] },
];

async function main(patterns: readonly string[]): Promise<number> {
  process.chdir(root);
  shareCompiledCode();
  // The random cases of a tree are the same in each run: what was green stays green. `npm run soak` looks for others.
  process.env.BRINDLE_SEED ??= "1";
  const tally = emptyTally();
  for (const check of checks) {
    if (patterns.length === 0 || patterns.some((pattern) => check.name.includes(pattern))) await runCheck(check, tally);
  }
  findRecordings(root, "recordings of real routers and of a real Calico", tally);
  for (const project of ["unit", "real"]) await runProject(project, patterns, tally);
  if (await prepareKube(patterns, tally)) await runProject("kube", patterns, tally);
  const { lines, exitCode } = verdict(tally, { ci: process.env.CI === "true" });
  for (const line of lines) console.log(line);
  return exitCode;
}

async function runCheck({ name, command, args }: (typeof checks)[number], tally: Tally): Promise<void> {
  const startMs = performance.now();
  const exitCode = await new Promise<number | null>((resolve) => {
    const child = spawn(command, args, { stdio: "inherit", env: { ...process.env, TURBO_TELEMETRY_DISABLED: "1" } });
    child.once("error", () => resolve(null));
    child.once("close", resolve);
  });
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${exitCode === 0 ? "ok" : "FAILED"} ${name} (${seconds} s)`);
  if (exitCode === 0) tally.passed += 1;
  else tally.failures.push({ name, reason: `${command} ended with ${exitCode ?? "no exit code"}` });
}

const exitCode = await main(process.argv.slice(2));
// Workers or sockets that a test forgot must not hold the answer back.
process.exit(exitCode);
