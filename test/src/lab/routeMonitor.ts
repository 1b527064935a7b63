import type { Daemon } from "../fixtures/command.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import type { Machine } from "./topology/machine.ts";

export interface RouteMonitors extends AsyncDisposable {
  /** The lines in which each machine's kernel told of pods' routes meanwhile. */
  finish(): Promise<Record<string, string[]>>;
}

type Watched = Pick<Machine, "name" | "spawn" | "exec">;

/** Listens to the kernels of some machines with `ip monitor`. */
export async function watchPodRoutes(machines: readonly Watched[]): Promise<RouteMonitors> {
  const monitors = machines.map((machine) => ({ machine, monitor: machine.spawn("ip", ["-o", "monitor", "route"]) }));
  for (const { machine, monitor } of monitors) await shows(machine, monitor, "192.0.2.1");
  return {
    async finish() {
      const told: Record<string, string[]> = {};
      for (const { machine, monitor } of monitors) {
        await shows(machine, monitor, "192.0.2.2");
        const lines = monitor.output().split("\n");
        told[machine.name] = lines.filter((line) => /\b(10\.244\.|fd00:244:)/.test(line));
      }
      return told;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(monitors.map(({ monitor }) => monitor.stop()));
    },
  };
}

/** A change of our own which the monitor tells proves that it hears, and that it has told all that came before. */
async function shows(machine: Watched, monitor: Daemon, mark: string): Promise<void> {
  await waitFor(
    async () => {
      for (const change of ["add", "delete"]) {
        await machine.exec("ip", ["route", change, "blackhole", mark, "metric", "7"]);
      }
      return monitor.output().includes(mark);
    },
    { what: `the monitor of ${machine.name} tells of routes`, intervalMs: 20 },
  );
}
