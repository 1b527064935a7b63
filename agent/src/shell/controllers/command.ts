import { Command, InvalidArgumentError, Option } from "commander";
import { pino } from "pino";
import workspace from "../../../package.json" with { type: "json" };
import { addDatastoreOptions, type DatastoreFlags, datastoreSettings, healthPort } from "../datastoreFlags.ts";
import { leakGraceMsMin } from "./addresses.ts";
import { callTimeoutMs, runControllers } from "./controllers.ts";

interface Flags extends DatastoreFlags {
  readonly leaseNamespace: string;
  readonly logLevel?: string;
  readonly healthPort?: number;
  readonly healthHost: string;
  readonly metricsHost?: string;
  readonly leakGraceMin: number;
}

export function controllersCommand(): Command {
  return addDatastoreOptions(new Command("controllers"))
    .description(
      "Does for the whole cluster what no node does. Of several replicas one acts, by a Lease of Kubernetes.",
    )
    .addOption(
      new Option("--lease-namespace <name>", "where replicas agree who acts").env("NAMESPACE").default("kube-system"),
    )
    .addOption(
      new Option(
        "--log-level <level>",
        "how much is logged; by default as KubeControllersConfiguration says, else info",
      ).choices(["trace", "debug", "info", "warn", "error", "fatal"]),
    )
    .addOption(
      new Option(
        "--health-port <port>",
        "answers /liveness and /readiness, for a kubelet's probes; else not",
      ).argParser(healthPort),
    )
    .option("--health-host <address>", "where it answers them", "127.0.0.1")
    .option(
      "--metrics-host <address>",
      "where Prometheus is answered, at the port that KubeControllersConfiguration says, else 9094; else nowhere",
    )
    .addOption(
      new Option(
        "--leak-grace-min <seconds>",
        "the least leakGracePeriod that holds: as long as an ADD may take, which looks like a leak meanwhile",
      )
        .argParser(seconds)
        .default(leakGraceMsMin / 1_000),
    )
    .action(run);
}

function seconds(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError("Say a number of seconds.");
  return Number(text);
}

async function run(flags: Flags): Promise<void> {
  const { kubeconfig, leaseNamespace, logLevel, healthPort: port, healthHost: host, metricsHost } = flags;
  const log = pino({ level: logLevel ?? "info" });
  const ending = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => ending.abort());
  const options = {
    environment: process.env,
    lease: { namespace: leaseNamespace, name: "brindle-controllers" },
    datastore: datastoreSettings(flags, callTimeoutMs),
    followsLogSeverity: logLevel === undefined,
    version: workspace.version,
    leakGraceMsMin: flags.leakGraceMin * 1_000,
    ...(kubeconfig !== undefined && { kubeconfig }),
    ...(metricsHost !== undefined && { metricsHost }),
    ...(port !== undefined && { health: { port, host } }),
  };
  await runControllers(options, log, ending.signal);
}
