import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { emptyTally, type Tally, verdict } from "./tally.ts";

interface Row {
  readonly name: string;
  readonly tally: Partial<Tally>;
  readonly ci?: boolean;
  readonly mayBeEmpty?: boolean;
  readonly last: string;
  readonly exitCode: number;
}

const noGo = { name: "all", reason: "no Go" };
const rows: readonly Row[] = [
  { name: "passes when all passed", tally: { passed: 3 }, last: "3 passed, 0 failed, 0 skipped", exitCode: 0 },
  {
    name: "fails for one failure",
    tally: { passed: 3, failures: [{ name: "a", reason: "1 is not 2" }] },
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
  {
    name: "passes when all was skipped for a reason, where that may be",
    tally: { skips: [noGo] },
    mayBeEmpty: true,
    last: "0 passed, 0 failed, 1 skipped",
    exitCode: 0,
  },
  {
    name: "fails when all was skipped, where that may not be",
    tally: { skips: [noGo] },
    last: "0 passed, 0 failed, 1 skipped",
    exitCode: 1,
  },
  {
    name: "fails when all was skipped in CI, in any case",
    tally: { skips: [noGo] },
    mayBeEmpty: true,
    ci: true,
    last: "0 passed, 0 failed, 1 skipped",
    exitCode: 1,
  },
  {
    name: "fails when nothing ran and nothing was skipped, in any case",
    tally: {},
    mayBeEmpty: true,
    last: "0 passed, 0 failed, 0 skipped",
    exitCode: 1,
  },
];

describe("verdict", () => {
  for (const { name, tally, ci = false, mayBeEmpty = false, last, exitCode } of rows) {
    it(name, () => {
      const { lines, exitCode: actual } = verdict({ ...emptyTally(), ...tally }, { ci, mayBeEmpty });
      assert.equal(lines.at(-1), last);
      assert.equal(actual, exitCode);
    });
  }

  it("names each skip with its reason before the last line", () => {
    const skips = [{ name: "ipip > reaches", reason: "the kernel lacks IPIP" }];
    assert.equal(
      verdict({ ...emptyTally(), passed: 1, skips }, { ci: false }).lines[0],
      "SKIP ipip > reaches: the kernel lacks IPIP",
    );
  });

  it("says again what failed, and what passed only when it was tried again, each on one line", () => {
    const failures = [{ name: "bgp > peers", reason: "expected 1\n  to be 2" }];
    const unsteady = [{ name: "lab > comes up", reason: "x".repeat(2_000) }];
    const { lines, exitCode } = verdict({ ...emptyTally(), passed: 2, failures, unsteady }, { ci: true });
    assert.equal(lines.at(-2), "FAIL bgp > peers: expected 1 to be 2");
    assert.match(lines[0] ?? "", /^UNSTEADY lab > comes up: x{600} …$/);
    assert.equal(lines.at(-1), "2 passed, 1 failed, 0 skipped");
    assert.equal(exitCode, 1);
  });

  it("passes what passed when it was tried again", () => {
    const unsteady = [{ name: "lab > comes up", reason: "too late" }];
    assert.equal(verdict({ ...emptyTally(), passed: 1, unsteady }, { ci: true }).exitCode, 0);
  });
});
