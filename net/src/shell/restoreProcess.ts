/**
 * `iptables-restore`, kept running from one commit to the next. A COMMIT line acts when it is read, so that a commit costs
 * 0.1 ms. A process for each costs 2 ms to start, and with nft 10 to 20 ms to end: closing its socket waits until the
 * kernel has freed what the commit replaced, and meanwhile holds up other commits and new interfaces, which need the
 * same lock (nft_rcv_nl_event, commit_mutex). It ends with its standard input, so it never outlives us.
 */
import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { KernelError } from "../kernelError.ts";
import { type CommandOptions, inNamespace } from "./command.ts";

/** After that long without work, or that many commits, a process ends: for whatever it may have gathered. */
const idleMsMax = 5_000;
const commitsMax = 1_000;

/**
 * Comments are repeated under --verbose, so that one after the COMMIT says that it has succeeded. Others push it out of
 * stdio's buffer, which is a page: 64 KiB at most. A line may have 10,239 characters.
 */
const filler = `#${"-".repeat(9_000)}\n`.repeat(8);
const fillerLines = 8;
/** A release that repeats nothing, or a commit that takes long: then the end of the process tells how it went. */
const patienceMs = 100;

interface Pending {
  readonly input: string;
  readonly committed: string;
  timers: readonly NodeJS.Timeout[];
  resolve(): void;
  reject(error: unknown): void;
}

const commitLine = "COMMIT\n";

export class RestoreProcess {
  readonly #command: string;
  readonly #timeoutMs: number;
  readonly #child: ChildProcessWithoutNullStreams;
  #isEnding = false;
  #commits = 0;
  /** It counts the lines of its input from its start on, and so do its complaints. */
  #linesBefore = 0;
  #stdout = "";
  #stderr = "";
  #pending: Pending | null = null;
  #idle: NodeJS.Timeout | undefined;

  constructor(command: string, args: readonly string[], options: Omit<CommandOptions, "input"> = {}) {
    const { namespace, timeoutMs = 30_000 } = options;
    const [file, ...rest] = inNamespace(namespace, [command, ...args, "--verbose"]);
    this.#command = [command, ...args].join(" ");
    this.#timeoutMs = timeoutMs;
    this.#child = spawn(file, rest);
    this.#child.stdout.on("data", (chunk: Buffer) => this.#onOutput(chunk));
    this.#child.stderr.on("data", (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    this.#child.stdin.on("error", () => {}); // It has ended, and its exit code says why.
    this.#child.on("error", (error) => this.#onEnd(null, error.message));
    this.#child.on("close", (exitCode) => this.#onEnd(exitCode, this.#stderr));
  }

  /** Whether it takes another commit. */
  get isOpen(): boolean {
    return !this.#isEnding && this.#commits < commitsMax;
  }

  /**
   * Resolves when the kernel has all of the input, which ends with a COMMIT. One at a time: the caller waits for each. That line it is
   * told once `complete`, and all before it is read meanwhile; where that comes to nothing, so does the commit, and the process.
   */
  commit(input: string, complete?: Promise<unknown>): Promise<void> {
    clearTimeout(this.#idle);
    this.#hold(true);
    this.#commits += 1;
    this.#stdout = "";
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const pending = { input, committed: `#committed ${this.#commits}\n`, timers: [], resolve, reject };
    this.#pending = pending;
    if (!complete) this.#finish(pending, input);
    else {
      assert(input.endsWith(commitLine), "a commit ends with its line");
      this.#child.stdin.write(input.slice(0, -commitLine.length));
      complete.then(
        () => this.#finish(pending, commitLine),
        (error) => this.#abandon(pending, error),
      );
    }
    return promise;
  }

  #finish(pending: Pending, rest: string): void {
    if (this.#pending !== pending) return; // It was refused while it was read.
    pending.timers = [
      setTimeout(() => this.end(), patienceMs),
      setTimeout(() => this.#child.kill("SIGKILL"), this.#timeoutMs),
    ];
    this.#child.stdin.write(rest + pending.committed + filler);
    if (!this.isOpen) this.end();
  }

  /** What it has read is of no use to anybody, and nothing of it is done. */
  #abandon(pending: Pending, error: unknown): void {
    if (this.#pending !== pending) return;
    this.#isEnding = true;
    this.#child.kill("SIGKILL");
    this.#settle(error);
  }

  /** It does what it was given, and ends. */
  end(): void {
    this.#isEnding = true;
    this.#child.stdin.end();
  }

  #onOutput(chunk: Buffer): void {
    if (!this.#pending) return; // The last filler comes out with the next commit.
    this.#stdout += chunk.toString();
    if (this.#stdout.includes(this.#pending.committed)) this.#settle(null);
  }

  #onEnd(exitCode: number | null, stderr: string): void {
    this.#isEnding = true;
    clearTimeout(this.#idle);
    if (this.#pending) this.#settle(exitCode === 0 ? null : this.#failure(this.#pending, exitCode, stderr));
  }

  #settle(error: unknown): void {
    const pending = this.#pending;
    if (!pending) return;
    this.#pending = null;
    for (const timer of pending.timers) clearTimeout(timer);
    this.#linesBefore += pending.input.split("\n").length + fillerLines;
    this.#hold(false);
    this.#idle = setTimeout(() => this.end(), idleMsMax).unref();
    if (error) pending.reject(error);
    else pending.resolve();
  }

  /** Both restores say "line N failed" or "Error occurred at line: N"; the line's text says which rule it was. */
  #failure({ input }: Pending, exitCode: number | null, stderr: string): KernelError {
    const failure = { code: "COMMAND_FAILED", command: this.#command, exitCode, stderr } as const;
    const number = /\bline:? (\d+)/.exec(stderr)?.[1];
    const line = number === undefined ? undefined : input.split("\n")[Number(number) - 1 - this.#linesBefore];
    // nft finds some mistakes when it commits, and then it is this line's fault no more than the others'.
    return new KernelError(line === undefined || line === "COMMIT" ? failure : { ...failure, line });
  }

  /** Whether our own process stays for its sake: only while it works. */
  #hold(isWorking: boolean): void {
    const { stdin, stdout, stderr } = this.#child;
    for (const handle of [this.#child, stdin, stdout, stderr] as readonly Partial<NodeJS.RefCounted>[]) {
      if (isWorking) handle.ref?.();
      else handle.unref?.();
    }
  }
}
