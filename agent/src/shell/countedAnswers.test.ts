import assert from "node:assert/strict";
import { it } from "vitest";
import type { CniAnswered } from "../metrics/cniTally.ts";
import { CountedAnswers } from "./countedAnswers.ts";

const request = { variables: { CNI_COMMAND: "ADD" }, stdin: "" };

it("counts a call while it is under way, whatever comes of it, and tells the answers", async () => {
  const told: CniAnswered[] = [];
  const calls = new CountedAnswers({ tally: { answered: (answered) => told.push(answered) } });
  const seen: number[] = [];
  const answering = calls.of({
    replay: async () => ({ done: [], failed: [] }),
    answer: async ({ stdin }) => {
      seen.push(calls.underWay);
      if (stdin === "a bug") throw new TypeError(stdin);
      return { exitCode: 0, stdout: "{}" };
    },
  });
  const { signal } = new AbortController();
  const answers = [
    answering.answer(request, signal),
    answering.answer({ ...request, stdin: "a bug" }, signal),
    answering.answer(request, signal),
  ];
  assert.deepEqual(
    (await Promise.allSettled(answers)).map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  assert.deepEqual(seen, [1, 2, 3]);
  assert.equal(calls.underWay, 0);
  assert.equal(calls.answered, 3);
  assert.deepEqual(
    told.map(({ command, answer }) => [command, answer.exitCode]),
    [
      ["ADD", 0],
      ["ADD", 0],
    ],
  );
});
