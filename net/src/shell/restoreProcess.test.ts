import { describe, expect, it } from "vitest";
import { isKernelError, type KernelFailure } from "../kernelError.ts";
import { RestoreProcess } from "./restoreProcess.ts";

/** A restore that is a shell script. */
function restore(script: string): RestoreProcess {
  return new RestoreProcess("/bin/sh", ["-c", script]);
}

async function failureOf(promise: Promise<unknown>): Promise<KernelFailure | null> {
  return promise.then(
    () => null,
    (error: unknown) => (isKernelError(error) ? error.failure : Promise.reject(error)),
  );
}

describe("a restore that is kept running", () => {
  it("has committed when the comment comes back, and takes the next commit", async () => {
    const process = restore("exec cat");
    await process.commit("*filter\nCOMMIT\n");
    await process.commit("*nat\nCOMMIT\n");
    expect(process.isOpen).toBe(true);
    process.end();
    expect(process.isOpen).toBe(false);
  });

  it("has committed when it ends well, if it repeats no comments", async () => {
    const process = restore("exec cat >/dev/null");
    await process.commit("*filter\nCOMMIT\n");
    expect(process.isOpen).toBe(false);
  });

  it("has failed when it ends badly, and counts the lines of this commit alone", async () => {
    const process = restore("head -c 64000; echo 'line 12 failed' >&2; exit 1");
    await process.commit("*filter\nCOMMIT\n");
    // 2 lines, the comment and 8 of filler were the first commit's.
    expect(await failureOf(process.commit("*filter\nCOMMIT\n"))).toMatchObject({
      code: "COMMAND_FAILED",
      exitCode: 1,
      line: "*filter",
    });
    expect(process.isOpen).toBe(false);
  });

  it("has failed when there is no such command", async () => {
    const failure = await failureOf(new RestoreProcess("/no/such/restore", []).commit("*filter\nCOMMIT\n"));
    expect(failure).toMatchObject({ code: "COMMAND_FAILED", exitCode: null });
  });
});
