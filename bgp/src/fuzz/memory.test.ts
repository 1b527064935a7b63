import { describe, expect, it } from "vitest";
import { judgeMemory, type MemorySample, type MemoryVerdict } from "./memory.ts";

const mib = 2 ** 20;

/** A sample each half million messages up to ten million. */
function run(
  live: (messages: number) => number,
  resident: (messages: number) => number = () => 200 * mib,
): MemorySample[] {
  return Array.from({ length: 20 }, (_, i) => (i + 1) * 500_000).map((messages) => {
    return { messages, liveBytes: live(messages), residentBytes: resident(messages) };
  });
}

describe("the memory of a long run", () => {
  const cases: { name: string; samples: MemorySample[]; verdict: MemoryVerdict["verdict"] }[] = [
    { name: "is flat where nothing stays", samples: run(() => 20 * mib), verdict: "flat" },
    { name: "is flat where it swings", samples: run((n) => (20 + ((n / 500_000) % 3)) * mib), verdict: "flat" },
    {
      name: "may grow while a process warms up",
      samples: run(
        (n) => Math.min(n, 1_000_000) * 20,
        (n) => (n < 1_000_000 ? 90 : 200) * mib,
      ),
      verdict: "flat",
    },
    { name: "grows by an entry that each session leaves", samples: run((n) => (n / 33) * 56), verdict: "grows" },
    {
      name: "grows where the allocator gives nothing back",
      samples: run(
        () => 20 * mib,
        (n) => 190 * mib + n * 4,
      ),
      verdict: "grows",
    },
    { name: "is unknown after a short run", samples: run(() => 20 * mib).slice(0, 6), verdict: "unknown" },
  ];
  it.each(cases)("$name", ({ samples, verdict }) => {
    expect(judgeMemory(samples).verdict).toBe(verdict);
  });
});
