/** A process of ours in a namespace, and calls to it: arguments and answers as JSON. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { NamespaceView } from "../../fixtures/namespace.ts";

type Calls = Readonly<Record<string, (...args: never[]) => Promise<unknown>>>;

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

export class BenchProcess<C extends Calls> implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;

  /** `entry` is a file of this folder, or the URL of one elsewhere, which calls `answerCalls`; `node` are Node's own arguments. */
  static async start<C extends Calls>(
    namespace: NamespaceView,
    entry: string,
    { args = [], node = [] }: { readonly args?: readonly string[]; readonly node?: readonly string[] } = {},
  ): Promise<BenchProcess<C>> {
    const started = new BenchProcess<C>(namespace, entry, { args, node });
    await started.#expect(0);
    return started;
  }

  private constructor(
    namespace: NamespaceView,
    entry: string,
    { args, node: own }: { readonly args: readonly string[]; readonly node: readonly string[] },
  ) {
    const given = process.env.BENCH_NODE_ARGS?.split(" ") ?? [];
    const node = [process.execPath, "--conditions=brindle-source", ...own, ...given];
    this.#child = fork(fileURLToPath(new URL(entry, import.meta.url)), args, {
      execPath: "nsenter",
      execArgv: [`--net=${namespace.path}`, "--", ...node],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child.on("message", ({ id, value, error }: Answer) => {
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      if (error === undefined) pending?.resolve(value);
      else pending?.reject(new Error(error));
    });
    this.#child.once("exit", (code, signal) => {
      for (const pending of this.#pending.values()) pending.reject(new Error(`${entry} ended: ${signal ?? code}`));
    });
  }

  /** nsenter becomes the process that it starts. */
  get pid(): number {
    return this.#child.pid ?? -1;
  }

  async call<N extends keyof C & string>(name: N, ...args: Parameters<C[N]>): Promise<Awaited<ReturnType<C[N]>>> {
    this.#lastId += 1;
    this.#child.send({ id: this.#lastId, name, args });
    return (await this.#expect(this.#lastId)) as Awaited<ReturnType<C[N]>>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }

  #expect(id: number): Promise<unknown> {
    const pending = Promise.withResolvers<unknown>();
    this.#pending.set(id, pending);
    pending.promise.catch(() => {}); // Whoever waits hears of it; after a failure elsewhere nobody does.
    return pending.promise;
  }
}

/** The other side: answers what the benchmark calls, and ends with it. */
export function answerCalls(calls: Calls): void {
  process.on("message", async ({ id, name, args }: { id: number; name: string; args: never[] }) => {
    try {
      process.send?.({ id, value: await calls[name]?.(...args) });
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? error.message : String(error) });
    }
  });
  process.on("disconnect", () => process.exit());
  process.send?.({ id: 0 });
}
