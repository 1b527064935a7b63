/** Runs `storeWatcher.ts` beside us, so that its memory and its time are its own. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export type WatcherMode = "whole" | "trimmed" | "etcd3";

export interface WatcherReport {
  readonly state: "idle" | "listed" | "told";
  readonly atMs: number;
  readonly listMs?: number;
  readonly residentMiB?: number;
  readonly held?: number;
}

export interface WatcherProcess extends Disposable {
  /** Rejects when the process ends before, or after two minutes. */
  report(state: WatcherReport["state"]): Promise<WatcherReport>;
}

const program = fileURLToPath(new URL("storeWatcher.ts", import.meta.url));
const deadlineMs = 120_000;

/**
 * Small young spaces, and large blocks straight from the kernel: without them V8 and glibc keep what the listing let go,
 * half as much again as what is held, whoever the client is.
 */
export const memorySettings: {
  readonly flags: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
} = { flags: ["--max-semi-space-size=2"], environment: { MALLOC_MMAP_THRESHOLD_: "32768" } };

export function startWatcher(endpoint: string, mode: WatcherMode, changes = 0): WatcherProcess {
  const flags = ["--expose-gc", "--conditions=brindle-source", ...memorySettings.flags];
  const child = spawn(process.execPath, [...flags, program, endpoint, mode, String(changes)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...memorySettings.environment },
  });
  const reports = new Map<string, PromiseWithResolvers<WatcherReport>>();
  const reportOf = (state: string) => {
    const known = reports.get(state) ?? Promise.withResolvers<WatcherReport>();
    reports.set(state, known);
    return known;
  };
  createInterface({ input: child.stdout }).on("line", (line) => {
    const report = JSON.parse(line) as WatcherReport;
    reportOf(report.state).resolve(report);
  });
  const failed = new Promise<never>((_, reject) => {
    child.once("exit", (code, signal) => reject(new Error(`the watcher (${mode}) ended: ${code ?? signal}`)));
    const late = () => reject(new Error(`the watcher (${mode}) did not report in ${deadlineMs} ms: changes were lost`));
    setTimeout(late, deadlineMs).unref();
  });
  failed.catch(() => {});
  return {
    report: (state) => Promise.race([reportOf(state).promise, failed]),
    [Symbol.dispose]: () => child.kill("SIGKILL"),
  };
}
