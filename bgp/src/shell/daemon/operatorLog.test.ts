import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { againMs, gatherMs, OperatorLog, waitingMax } from "./operatorLog.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** What writes are answered, the last one from then on: an error, or how many bytes are taken at most. */
class Output {
  taken = "";
  answers: (string | number)[] = [Number.POSITIVE_INFINITY];
  #pending: (() => void)[] = [];

  readonly write = (bytes: Uint8Array, done: (error: NodeJS.ErrnoException | null, written: number) => void): void => {
    this.begun += 1;
    const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
    this.#pending.push(() => {
      if (typeof answer === "string") return done(Object.assign(new Error(answer), { code: answer }), 0);
      const part = Buffer.from(bytes).subarray(0, answer);
      this.taken += part.toString();
      done(null, part.length);
    });
  };

  /** Lets all that is due and under way come to its end. */
  settle(): void {
    vi.advanceTimersByTime(gatherMs);
    for (let next = this.#pending.shift(); next; next = this.#pending.shift()) next();
  }

  /** Writes that were begun. */
  begun = 0;
}

describe("OperatorLog", () => {
  it("writes one thing at a time, in order, whatever pieces are taken", () => {
    const output = new Output();
    output.answers = [1, 3, 2, Number.POSITIVE_INFINITY];
    const log = new OperatorLog(output.write);
    for (const text of ["one", "zwei", "drei"]) log.line(text);
    output.settle();
    expect(output.taken).toBe("one\nzwei\ndrei\n");
    expect(output.begun).toBe(4);
  });

  it.each([
    { error: "ENOSPC", ms: againMs.broken },
    { error: "EPIPE", ms: againMs.broken },
    { error: "EAGAIN", ms: againMs.full },
  ])("goes on after $error, and loses no line by it", async ({ error, ms }) => {
    const output = new Output();
    output.answers = [error];
    const log = new OperatorLog(output.write);
    log.line("a");
    output.settle();
    await vi.advanceTimersByTimeAsync(ms);
    log.line("b");
    output.settle();
    output.answers = [Number.POSITIVE_INFINITY];
    await vi.advanceTimersByTimeAsync(ms);
    output.settle();
    expect(output.taken).toBe("a\nb\n");
  });

  it("leaves lines out while nobody takes those before, and says how many", () => {
    const output = new Output();
    const log = new OperatorLog(output.write);
    log.line("x".repeat(waitingMax));
    log.line("b");
    log.line("c");
    output.settle();
    log.line("d");
    log.line("e");
    output.settle();
    expect(output.taken.split("\n").slice(1)).toEqual([
      "2 lines were left out here, since nobody took those before",
      "d",
      "e",
      "",
    ]);
  });

  it("waits at its end for those who take, and not for ever", async () => {
    const output = new Output();
    const log = new OperatorLog(output.write);
    await log.drained({ deadlineMs: 1_000 });
    let ended = 0;
    const end = async (): Promise<void> => {
      await log.drained({ deadlineMs: 1_000 });
      ended += 1;
    };
    log.line("taken");
    const first = end();
    output.settle();
    await first;
    output.answers = ["EPIPE"];
    log.line("not taken");
    const second = end();
    output.settle();
    await vi.advanceTimersByTimeAsync(999 - gatherMs);
    expect(ended).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    await second;
    expect(ended).toBe(2);
  });
});
