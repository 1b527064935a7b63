/** Runs `policyNodeProcess.ts` beside us, so that its time and its memory are its own. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { TablesBackend } from "@brindle/net";
import type { NamespaceView } from "../fixtures/namespace.ts";

export type PolicyNodeReport =
  | { readonly state: "ready" }
  /** `told`: so many changes were. */
  | { readonly state: "inForce"; readonly told: number }
  | { readonly state: "readBack"; readonly drift: readonly string[] };

const program = fileURLToPath(new URL("policyNodeProcess.ts", import.meta.url));
const deadlineMs = 120_000;
/** USER_HZ. */
const ticksPerSecond = 100;

interface Waiter {
  readonly isMet: (report: PolicyNodeReport) => boolean;
  resolve(): void;
}

export class PolicyNode implements Disposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiters = new Set<Waiter>();
  readonly #failed: Promise<never>;
  #told = 0;

  /** Resolves when it has begun to read the datastore. */
  static async start(options: {
    readonly endpoint: string;
    readonly namespace: NamespaceView;
    readonly backend: TablesBackend;
  }): Promise<PolicyNode> {
    const { endpoint, namespace, backend } = options;
    const node = new PolicyNode([endpoint, namespace.path, backend]);
    await node.#next(({ state }) => state === "ready");
    return node;
  }

  private constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, ["--conditions=brindle-source", program, ...args], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#onReport(JSON.parse(line)));
    const ended = Promise.withResolvers<never>();
    this.#child.once("exit", (code, signal) => ended.reject(new Error(`the node ended: ${signal ?? code}`)));
    this.#failed = ended.promise;
    this.#failed.catch(() => {});
  }

  /** How many changes are in force. */
  get told(): number {
    return this.#told;
  }

  /** Resolves when so many changes are in force; rejects when the kernel refuses one, or after two minutes. */
  inForce(told: number): Promise<void> {
    if (this.#told >= told) return Promise.resolve();
    return this.#next((report) => report.state === "inForce" && report.told >= told);
  }

  /** Throws where the kernel had something else than what was brought into force. */
  async requireInForce(): Promise<void> {
    let drift: readonly string[] = [];
    const read = this.#next((report) => {
      if (report.state === "readBack") drift = report.drift;
      return report.state === "readBack";
    });
    this.#child.stdin.write("\n");
    await read;
    if (drift.length > 0) throw new Error(drift.join("; "));
  }

  /** Processor time until now, with that of the commands that it runs. */
  async processorMs(): Promise<number> {
    const { pid = 0 } = this.#child;
    const all = [pid, ...(await childrenOf(pid))];
    const each = await Promise.all(all.map(ticksOf));
    return (each.reduce((sum, ticks) => sum + ticks, 0) / ticksPerSecond) * 1000;
  }

  async residentMB(): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
  }

  [Symbol.dispose](): void {
    this.#child.removeAllListeners("exit");
    this.#child.kill("SIGKILL");
  }

  #onReport(report: PolicyNodeReport): void {
    if (report.state === "inForce") this.#told = report.told;
    for (const waiter of this.#waiters) {
      if (!waiter.isMet(report)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  async #next(isMet: Waiter["isMet"]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiters.add({ isMet, resolve });
    const timer = setTimeout(() => reject(new Error(`the node said nothing for ${deadlineMs} ms`)), deadlineMs);
    await Promise.race([promise, this.#failed]).finally(() => clearTimeout(timer));
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`);
  const lists = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, "utf8")));
  return lists.flatMap((list) => list.split(" ").filter(Boolean).map(Number));
}

/** Of a process, and of those it has started that have ended (proc_pid_stat(5): utime, stime, cutime, cstime). */
async function ticksOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at] ?? 0), 0);
}
