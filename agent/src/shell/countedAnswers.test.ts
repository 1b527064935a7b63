import assert from "node:assert/strict";
import { it } from "vitest";
import type { CniAnswered } from "../metrics/cniTally.ts";
import { CountedAnswers } from "./countedAnswers.ts";

const answered = { exitCode: 0, stdout: "{}" } as const;
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
      return answered;
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
  assert.equal(calls.podsWork, 2);
  assert.deepEqual(
    told.map(({ command, answer }) => [command, answer.exitCode]),
    [
      ["ADD", 0],
      ["ADD", 0],
    ],
  );
});

it("counts as pods' work what made one come or go, and nothing else that is asked for", async () => {
  const calls = new CountedAnswers({ tally: { answered: () => {} } });
  const answering = calls.of({
    replay: async () => ({ done: [], failed: [] }),
    answer: async ({ stdin }) => ({ ...answered, exitCode: stdin === "refused" ? 1 : 0 }),
  });
  for (const command of ["STATUS", "VERSION", "CHECK", "GC", "ADD", "DEL"]) {
    for (const stdin of ["", "refused"]) {
      await answering.answer({ variables: { CNI_COMMAND: command }, stdin }, new AbortController().signal);
    }
  }
  assert.equal(calls.podsWork, 2);
});
