/** Executes CNI plugins on a node, one after the other or many at once, with as little of its own as can be. */
import { spawn } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { FixtureError } from "../fixtures/error.ts";
import type { CniCall } from "../lab/runtime.ts";
import type { Machine } from "../lab/topology/machine.ts";

const script = fileURLToPath(new URL("pluginRunner.sh", import.meta.url));

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
  readonly #shell: ReturnType<typeof spawnShell>;
  readonly #lines: AsyncIterator<string>;
  #batches = 0;

  /** `folder` is empty, and seen from the node under the same path. */
  constructor(node: Machine, folder: string) {
    this.#folder = folder;
    this.#shell = spawnShell(node);
    this.#lines = createInterface(this.#shell.stdout)[Symbol.asyncIterator]();
  }

  /** Rejects when a plugin fails. */
  async run(calls: readonly PluginCall[], { atOnce }: { readonly atOnce: number }): Promise<Batch> {
    this.#batches += 1;
    const folder = join(this.#folder, String(this.#batches));
    await mkdir(folder);
    await Promise.all(calls.map((call, n) => writeCall(join(folder, String(n)), call)));
    this.#shell.stdin.write(`${atOnce} ${folder} ${calls.length}\n`);
    const { value } = await this.#lines.next();
    const done = await Promise.all(calls.map((_, n) => readCall(join(folder, String(n)))));
    await rm(folder, { recursive: true });
    return {
      elapsedMs: Number(value) / 1_000,
      callsMs: done.map(({ ms }) => ms),
      outputs: done.map(({ output }) => output),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#shell.once("close", () => resolve());
    this.#shell.stdin.end();
    await promise;
  }
}

function spawnShell(node: Machine) {
  return spawn("nsenter", [...node.enter, "--", "bash", "--norc", script], { stdio: ["pipe", "pipe", "inherit"] });
}

async function writeCall(path: string, { env, plugin, config }: PluginCall): Promise<void> {
  const variables = Object.entries({ ...env, plugin }).map(([name, value]) => `${name}='${value}'\n`);
  await Promise.all([writeFile(`${path}.sh`, variables.join("")), writeFile(`${path}.json`, config)]);
}

async function readCall(path: string): Promise<{ readonly ms: number; readonly output: string }> {
  const [time, output] = await Promise.all([readFile(`${path}.time`, "utf8"), readFile(`${path}.out`, "utf8")]);
  const [code, microseconds] = time.split(" ").map(Number);
  if (code === 0) return { ms: Number(microseconds) / 1_000, output };
  throw new FixtureError({ code: "EXPECTED", what: "a plugin", expected: "exit code 0", seen: `${code}: ${output}` });
}
