import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

  it("reads all but the COMMIT before what it waits for is complete", async () => {
    const process = restore("read -r table; read -r rule; exec cat");
    const { promise, resolve } = Promise.withResolvers<void>();
    let isCommitted = false;
    const committed = process.commit("*filter\n-A b -j DROP\nCOMMIT\n", promise).then(() => {
      isCommitted = true;
    });
    await new Promise(setImmediate);
    expect(isCommitted).toBe(false);
    resolve();
    await committed;
    await process.commit("*nat\nCOMMIT\n");
    process.end();
  });

  it("is not told to commit where that comes to nothing, and ends", async () => {
    const directory = await mkdtemp(join(tmpdir(), "brindle-restore-"));
    const read = join(directory, "read");
    const process = restore(`exec tee ${read}`);
    const { promise, reject } = Promise.withResolvers<void>();
    const failed = expect(process.commit("*filter\nCOMMIT\n", promise)).rejects.toThrow("no set");
    await expect.poll(() => readFile(read, "utf8").catch(() => "")).toBe("*filter\n");
    reject(new Error("no set"));
    await failed;
    expect(process.isOpen).toBe(false);
    expect(await readFile(read, "utf8")).toBe("*filter\n");
    await rm(directory, { recursive: true });
  });

  it("has failed when it refuses what it has read, whatever it waits for", async () => {
    const process = restore("read -r table; echo 'line 1 failed' >&2; exit 1");
    const { promise, resolve } = Promise.withResolvers<void>();
    expect(await failureOf(process.commit("*filter\nCOMMIT\n", promise))).toMatchObject({ line: "*filter" });
    resolve();
    await promise;
    expect(process.isOpen).toBe(false);
  });

  it("has failed when there is no such command", async () => {
    const failure = await failureOf(new RestoreProcess("/no/such/restore", []).commit("*filter\nCOMMIT\n"));
    expect(failure).toMatchObject({ code: "COMMAND_FAILED", exitCode: null });
  });
});
