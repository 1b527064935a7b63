import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { type Tally, verdict } from "./tally.ts";

const rows: { name: string; tally: Partial<Tally>; ci?: boolean; last: string; exitCode: number }[] = [
  { name: "passes when all passed", tally: { passed: 3 }, last: "3 passed, 0 failed, 0 skipped", exitCode: 0 },
  {
    name: "fails for one failure",
    tally: { passed: 3, failed: 1 },
    last: "3 passed, 1 failed, 0 skipped",
    exitCode: 1,
  },
  { name: "fails when nothing ran at all", tally: {}, last: "0 passed, 0 failed, 0 skipped", exitCode: 1 },
  {
    name: "passes a skip that says why",
    tally: { passed: 1, skips: [{ name: "ipip", reason: "no kernel module" }] },
    last: "1 passed, 0 failed, 1 skipped",
    exitCode: 0,
  },
  {
    name: "fails a skip that does not",
    tally: { passed: 1, skips: [{ name: "ipip", reason: undefined }] },
    last: "1 passed, 1 failed, 0 skipped",
    exitCode: 1,
  },
  {
    name: "fails any skip in CI",
    tally: { passed: 1, skips: [{ name: "ipip", reason: "no kernel module" }] },
    ci: true,
    last: "1 passed, 0 failed, 1 skipped",
    exitCode: 1,
  },
];

describe("verdict", () => {
  for (const { name, tally, ci = false, last, exitCode } of rows) {
    it(name, () => {
      const { lines, exitCode: actual } = verdict({ passed: 0, failed: 0, skips: [], ...tally }, { ci });
      assert.equal(lines.at(-1), last);
      assert.equal(actual, exitCode);
    });
  }

  it("names each skip with its reason before the last line", () => {
    const skips = [{ name: "ipip > reaches", reason: "the kernel lacks IPIP" }];
    assert.equal(
      verdict({ passed: 1, failed: 0, skips }, { ci: false }).lines[0],
      "SKIP ipip > reaches: the kernel lacks IPIP",
    );
  });
});
