/** What a node holds of a large cluster's pods, and how long it takes to read them. Beside the pods as they come. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Measured, Row } from "./row.ts";

const count = 100_000;
const pods = `${count.toLocaleString("en")} pods`;
const anchorName = "parsed, whole";

interface Held {
  readonly listMs: number;
  readonly aboveIdleMiB: number;
}

interface Line {
  readonly port?: number;
  readonly listMs?: number;
  readonly residentMiB?: number;
  readonly held?: number;
}

const measured = new Map<string, Promise<Held>>();

export const podRows: readonly Row[] = [
  podRow(`store: ${pods} of Kubernetes read`, "ms", ({ listMs }) => listMs),
  podRow(`store: ${pods} of Kubernetes watched, trimmed, above idle`, "MiB", ({ aboveIdleMiB }) => aboveIdleMiB),
];

function podRow(name: string, unit: string, figure: (held: Held) => number): Row {
  return {
    name,
    unit,
    better: "lower",
    async measure(): Promise<Measured> {
      const anchor = figure(await once("json"));
      return { anchor: { name: anchorName, figure: anchor }, ours: figure(await once("store")) };
    },
  };
}

/** One watch gives both figures. */
function once(mode: "json" | "store"): Promise<Held> {
  const known = measured.get(mode) ?? measure(mode);
  measured.set(mode, known);
  return known;
}

async function measure(mode: "json" | "store"): Promise<Held> {
  const server = start("podServer.ts", [String(count)]);
  const { port } = await server.next();
  const watcher = start("podWatcher.ts", [String(port), mode]);
  try {
    const idle = await watcher.next();
    const { listMs = 0, residentMiB = 0, held } = await watcher.next();
    if (held !== count) throw new RangeError(`${mode} holds ${held} pods of ${count}`);
    return { listMs, aboveIdleMiB: residentMiB - (idle.residentMiB ?? 0) };
  } finally {
    for (const { child } of [watcher, server]) child.kill("SIGKILL");
  }
}

function start(program: string, args: readonly string[]): { readonly child: ChildProcess; next(): Promise<Line> } {
  const path = fileURLToPath(new URL(program, import.meta.url));
  const child = spawn(process.execPath, ["--conditions=brindle-source", path, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    async next() {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${program} ended before it said all`);
      return JSON.parse(value) as Line;
    },
  };
}
