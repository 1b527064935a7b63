import { afterEach } from "vitest";
import type { Subject } from "./subject.ts";

/** Opens a subject for each test that asks, and closes it after the test. */
export function freshSubjects<S extends Subject>(open: () => Promise<S>): () => Promise<S> {
  let subject: S | undefined;
  afterEach(async () => {
    await subject?.[Symbol.asyncDispose]();
    subject = undefined;
  });
  return async () => {
    subject = await open();
    return subject;
  };
}
