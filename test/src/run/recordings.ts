/** What is no part of the repository may lie beside it. Without it there are fewer tests, and that is told. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Tally } from "./tally.ts";

/** `what` is missing where there are none. */
export function findRecordings(root: string, what: string, tally: Tally): void {
  const beside = join(root, "../shared/data");
  if (process.env.BRINDLE_RECORDINGS === undefined && existsSync(beside)) process.env.BRINDLE_RECORDINGS = beside;
  if (process.env.BRINDLE_RECORDINGS !== undefined) return;
  tally.skips.push({ name: what, reason: "BRINDLE_RECORDINGS names no folder (CONTRIBUTING.md)" });
}
