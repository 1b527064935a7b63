/** Commands run on a store in memory, as a test sees them: what they print and how they end. */
import { type HostPod, MemoryData, MemoryStore, type MemoryStoreOptions } from "@brindle/api";
import { describeFailure } from "./failure.ts";
import type { ManifestFile, Ports, ServicesAndSlices } from "./ports.ts";
import { runProgram } from "./program.ts";

export const nowMs: number = Date.UTC(2026, 10, 20, 12);

export interface Ended {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

export class Rig {
  readonly data: MemoryData;
  /** What was written, by path. */
  readonly files: Map<string, Uint8Array> = new Map();
  readonly #store: MemoryStore;
  readonly #agent: Readonly<Record<string, (params: object) => unknown>>;
  services: ServicesAndSlices | null = null;
  hostPods: readonly HostPod[] | null = null;
  /** What others do meanwhile. */
  whileAsleep: () => Promise<unknown> = async () => {};
  #sleptMs = 0;
  #uids = 0;

  constructor(
    agent: Readonly<Record<string, (params: object) => unknown>> = {},
    { data = new MemoryData(), transactions = "many" }: Pick<MemoryStoreOptions, "data" | "transactions"> = {},
  ) {
    this.#agent = agent;
    this.data = data;
    this.#store = new MemoryStore({ data, transactions });
  }

  /** `input` is what every `-f` names, or the files by their names. */
  async run(line: string, input: string | Readonly<Record<string, string>> = ""): Promise<Ended> {
    const out: string[] = [];
    const err: string[] = [];
    const fileAt = (path: string): ManifestFile =>
      typeof input === "string"
        ? { name: "input", text: input }
        : { name: path, text: input[path] ?? "", path: `/here/${path}` };
    const ports = this.#ports(fileAt, { out, err });
    const output = { out: (text: string) => out.push(text), err: (text: string) => err.push(text) };
    try {
      const exitCode = await runProgram(line.split(" ").filter(Boolean), () => ports, output);
      return { exitCode, out: out.join(""), err: err.join("") };
    } catch (error) {
      const failure = describeFailure(error);
      if (!failure) throw error;
      return { exitCode: failure.exitCode, out: out.join(""), err: `${err.join("")}${failure.text}\n` };
    }
  }

  #ports(
    fileAt: (path: string) => ManifestFile,
    { out, err }: { readonly out: string[]; readonly err: string[] },
  ): Ports {
    const agent = this.#agent;
    return {
      version: "1.2.3",
      socketPath: "/run/test.sock",
      nowMs: () => nowMs + this.#sleptMs,
      newUid: () => `uid-${++this.#uids}`,
      print: (text) => out.push(`${text}\n`),
      warn: (text) => err.push(`${text}\n`),
      store: async () => this.#store,
      kubernetes: async () => null,
      services: async () => this.services,
      hostPods: async (names) => {
        const isAsked = ({ namespace, name }: HostPod): boolean =>
          names.some((asked) => asked.namespace === namespace && asked.name === name);
        return this.hostPods?.filter(isAsked) ?? null;
      },
      sleep: async (ms) => {
        this.#sleptMs += ms;
        await this.whileAsleep();
      },
      callAgent: async (method, params) => this.#agent[method]?.(params),
      streamAgent: async function* (this: void, method, params) {
        yield* (agent[method]?.(params) ?? []) as Iterable<unknown>;
      },
      writeNewFile: async (path, chunks) => {
        this.files.set(path, Buffer.concat(await Array.fromAsync(chunks)));
      },
      readManifests: async (paths) => paths.map(fileAt),
    };
  }
}

export function pool(name: string, cidr: string): string {
  return `apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: ${name}}\nspec: {cidr: ${cidr}}\n`;
}
