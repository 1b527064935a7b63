/** The project `kube` needs programs that take minutes to build, once, and a Go that not every machine has. */
import { globSync } from "node:fs";
import { buildPrograms } from "../fixtures/kube/build.ts";
import type { Tally } from "./tally.ts";

/** Whether the project can run. Where it cannot, the tally says why. */
export async function prepareKube(patterns: readonly string[], tally: Tally): Promise<boolean> {
  if (!isAskedFor(patterns)) return false;
  const built = await buildPrograms((line) => console.log(line));
  if (built.kind === "ready") return true;
  if (built.kind === "unavailable") {
    tally.skips.push({ name: "all tests against a real kube-apiserver", reason: built.reason });
  } else {
    console.log(`FAILED building Kubernetes\n${built.output}`);
    tally.failures.push({ name: "building Kubernetes", reason: built.output.slice(-500) });
  }
  return false;
}

/** As vitest holds patterns against paths: nobody who runs one other test waits for Kubernetes. */
function isAskedFor(patterns: readonly string[]): boolean {
  if (patterns.length === 0) return true;
  return globSync("test/src/kube/**/*.test.ts").some((path) => patterns.some((pattern) => path.includes(pattern)));
}
