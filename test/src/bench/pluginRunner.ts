/** Executes CNI plugins on a node, one after the other or many at once, with as little of its own as can be. */
import { spawn } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { exec } from "../fixtures/command.ts";
import { FixtureError } from "../fixtures/error.ts";
import type { CniCall } from "../lab/runtime.ts";
import type { Machine } from "../lab/topology/machine.ts";

const source = fileURLToPath(new URL("pluginRunner.c", import.meta.url));

export interface PluginCall extends CniCall {
  /** The executable's path. */
  readonly plugin: string;
}

export interface Batch {
  /** From the start of the first to the end of the last. */
  readonly elapsedMs: number;
  /** Of each call, in their order, from its start to its end. */
  readonly callsMs: readonly number[];
  /** What each printed. */
  readonly outputs: readonly string[];
}

export class PluginRunner implements AsyncDisposable {
  readonly #folder: string;
  readonly #process: ReturnType<typeof spawnRunner>;
  readonly #lines: AsyncIterator<string>;
  #batches = 0;

  /** `folder` is empty, and seen from the node under the same path. */
  static async start(node: Machine, folder: string): Promise<PluginRunner> {
    const program = join(folder, "runner");
    await exec("gcc", ["-O2", "-Wall", "-Werror", "-o", program, source]);
    return new PluginRunner(spawnRunner(node, program), folder);
  }

  private constructor(process: ReturnType<typeof spawnRunner>, folder: string) {
    this.#folder = folder;
    this.#process = process;
    this.#lines = createInterface(process.stdout)[Symbol.asyncIterator]();
  }

  /** Rejects when a plugin fails. */
  async run(calls: readonly PluginCall[], { atOnce }: { readonly atOnce: number }): Promise<Batch> {
    this.#batches += 1;
    const folder = join(this.#folder, String(this.#batches));
    await mkdir(folder);
    await Promise.all(calls.map((call, n) => writeCall(join(folder, String(n)), call)));
    this.#process.stdin.write(`${atOnce} ${folder} ${calls.length}\n`);
    const { value } = await this.#lines.next();
    const [elapsed = 0, ...each] = String(value).split(" ").map(Number);
    const outputs = await Promise.all(calls.map((_, n) => readFile(join(folder, `${n}.out`), "utf8")));
    await rm(folder, { recursive: true });
    for (const [n, output] of outputs.entries()) requireSuccess(each[2 * n], output);
    return { elapsedMs: elapsed / 1_000, callsMs: outputs.map((_, n) => (each[2 * n + 1] ?? 0) / 1_000), outputs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#process.once("close", () => resolve());
    this.#process.stdin.end();
    await promise;
  }
}

function spawnRunner(node: Machine, program: string) {
  return spawn("nsenter", [...node.enter, "--", program], { stdio: ["pipe", "pipe", "inherit"] });
}

async function writeCall(path: string, { env, plugin, config }: PluginCall): Promise<void> {
  const texts = [plugin, ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
  const environment = texts.map((text) => `${text}\0`).join("");
  await Promise.all([writeFile(`${path}.env`, environment), writeFile(`${path}.json`, config)]);
}

function requireSuccess(code: number | undefined, output: string): void {
  if (code === 0) return;
  throw new FixtureError({ code: "EXPECTED", what: "a plugin", expected: "exit code 0", seen: `${code}: ${output}` });
}
