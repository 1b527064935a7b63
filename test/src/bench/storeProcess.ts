/** Runs `storeWatcher.ts` beside us, so that its memory and its time are its own. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export type WatcherMode = "whole" | "trimmed" | "etcd3";

export interface WatcherReport {
  readonly state: "idle" | "listed" | "told";
  readonly atMs: number;
  readonly listMs?: number;
  /** Spent since everything was listed. */
  readonly processorMs?: number;
  readonly residentMiB?: number;
  readonly held?: number;
}

export interface WatcherProcess extends Disposable {
  /** Rejects when the process ends before, or after two minutes. */
  report(state: WatcherReport["state"]): Promise<WatcherReport>;
}

const program = fileURLToPath(new URL("storeWatcher.ts", import.meta.url));
const deadlineMs = 120_000;

export function startWatcher(endpoint: string, mode: WatcherMode, changes = 0): WatcherProcess {
  const child = spawn(process.execPath, ["--conditions=brindle-source", program, endpoint, mode, String(changes)], {
    stdio: ["ignore", "pipe", "inherit"],
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
