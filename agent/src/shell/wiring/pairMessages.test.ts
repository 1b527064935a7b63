import { isKernelError, KernelError, refusal } from "@brindle/net";
import { expect, it } from "vitest";
import { AgentError } from "../../error.ts";
import { arrived, carried } from "./pairMessages.ts";

/** As a message is. */
function acrossThreads(error: unknown): Error {
  return arrived(structuredClone(carried(error)));
}

it("brings errors across with class, failure, cause and the place where they were thrown", () => {
  const unopened = new Error("EMFILE: too many open files");
  const cause = new KernelError(refusal(2, "open namespace /run/netns/gone"), { cause: unopened });
  const error = new AgentError({ code: "UNUSABLE_NAMESPACE", reason: "it cannot be opened" }, { cause });
  const there = acrossThreads(error);
  expect(there).toBeInstanceOf(AgentError);
  expect(there).toMatchObject({ message: error.message, stack: error.stack, failure: error.failure });
  expect(isKernelError(there.cause, "NOT_FOUND")).toBe(true);
  expect(there.cause).toMatchObject({ failure: cause.failure, stack: cause.stack });
  expect((there.cause as Error).cause).toMatchObject({ message: unopened.message, stack: unopened.stack });
  expect("cause" in unopened).toBe("cause" in ((there.cause as Error).cause as Error));
});

it("has others say what they said, which a runtime may be told", () => {
  const error = new RangeError("it is too much");
  expect(acrossThreads(error)).toMatchObject({ message: "it is too much", stack: error.stack });
  expect(acrossThreads("a word").message).toBe("a word");
});
