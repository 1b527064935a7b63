/**
 * `npm run test:kubeadm`: the tests on real clusters of kubeadm's, then one line that says how it went.
 *
 *   npm run test:kubeadm -- PATTERN   only the test files whose path holds PATTERN
 */
import { fileURLToPath } from "node:url";
import { buildPrograms } from "../fixtures/kube/build.ts";
import { clusterProgramNames } from "../fixtures/kube/programs.ts";
import { findHierarchies, lackIn } from "../fixtures/kubeadm/cgroups.ts";
import { makeMaterials } from "../fixtures/kubeadm/materials.ts";
import { emptyTally, verdict } from "./tally.ts";
import { runProject } from "./vitest.ts";

process.chdir(fileURLToPath(new URL("../../..", import.meta.url)));
const tally = emptyTally();
const reason = await reasonAgainst();
if (reason === undefined) {
  await makeMaterials(console.log);
  await runProject("kubeadm", process.argv.slice(2), tally);
} else {
  tally.skips.push({ name: "all tests on clusters of kubeadm's", reason });
}
const { lines, exitCode } = verdict(tally, { ci: process.env.CI === "true" });
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
