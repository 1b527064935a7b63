import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { Durations } from "./durations.ts";

describe("durations", () => {
  const lines = (durations: Durations): string[] =>
    durations.samples().map(({ labels, value, suffix }) => `${suffix} ${Object.values(labels).join(" ")} ${value}`);

  it("are counted in every bucket that holds them, the bound included", () => {
    const durations = new Durations([0.1, 1]);
    for (const seconds of [0.1, 0.5, 1, 4]) durations.observe(seconds, { command: "ADD" });
    assert.deepEqual(lines(durations), [
      "bucket ADD 0.1 1",
      "bucket ADD 1 3",
      "bucket ADD +Inf 4",
      "sum ADD 5.6",
      "count ADD 4",
    ]);
  });

  it("are kept apart by their labels", () => {
    const durations = new Durations([1]);
    durations.observe(0.5, { command: "ADD" });
    durations.observe(2, { command: "DEL" });
    assert.deepEqual(
      lines(durations).filter((line) => line.startsWith("count")),
      ["count ADD 1", "count DEL 1"],
    );
  });

  it("are none before the first", () => assert.deepEqual(lines(new Durations([1])), []));
});
