/** A command run to its end, within a namespace when asked. */
import { spawn } from "node:child_process";
import { KernelError } from "../kernelError.ts";
import type { NamespaceReference } from "./namespace.ts";

export interface CommandOptions {
  readonly input?: string;
  readonly namespace?: NamespaceReference;
  readonly timeoutMs?: number;
}

const stderrBytesMax = 16 * 1024;

/** Its standard output; anything but exit code 0 is a `KernelError` COMMAND_FAILED with its standard error. */
export function runCommand(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { input = "", namespace, timeoutMs = 30_000 } = options;
  const [file, ...rest] = inNamespace(namespace, [command, ...args]);
  return new Promise((resolve, reject) => {
    const fail = (exitCode: number | null, stderr: string): void =>
      reject(new KernelError({ code: "COMMAND_FAILED", command: [command, ...args].join(" "), exitCode, stderr }));
    const child = spawn(file, rest, { timeout: timeoutMs, killSignal: "SIGKILL" });
    const stdout: Buffer[] = [];
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(0, stderrBytesMax);
    });
    child.on("error", (error) => fail(null, error.message));
    child.on("close", (exitCode, signal) => {
      if (exitCode === 0) resolve(Buffer.concat(stdout).toString());
      else fail(exitCode, signal === "SIGKILL" ? `${stderr}killed after ${timeoutMs} ms` : stderr);
    });
    // A command that ends before it has read its input closes the pipe; its exit code says why.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

/** The command that runs `command` there. nsenter moves the child alone; entering here would move this thread. */
export function inNamespace(
  namespace: NamespaceReference | undefined,
  command: readonly [string, ...string[]],
): readonly [string, ...string[]] {
  return namespace === undefined ? command : ["nsenter", `--net=${namespacePath(namespace)}`, "--", ...command];
}

function namespacePath(reference: NamespaceReference): string {
  return typeof reference === "number" ? `/proc/${process.pid}/fd/${reference}` : reference;
}
