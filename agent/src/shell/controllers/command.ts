import { Command, Option } from "commander";
import { pino } from "pino";
import { runControllers } from "./controllers.ts";

interface Flags {
  readonly kubeconfig?: string;
  readonly leaseNamespace: string;
  readonly logLevel: string;
}

export function controllersCommand(): Command {
  return new Command("controllers")
    .description("Does for the whole cluster what no node does: keeps conditions. Of several replicas one acts.")
    .option("--kubeconfig <file>", "of the cluster; else KUBECONFIG, else what a pod is given")
    .addOption(
      new Option("--lease-namespace <name>", "where replicas agree who acts").env("NAMESPACE").default("kube-system"),
    )
    .addOption(
      new Option("--log-level <level>", "how much is logged")
        .choices(["trace", "debug", "info", "warn", "error", "fatal"])
        .default("info"),
    )
    .action(async ({ kubeconfig, leaseNamespace, logLevel }: Flags) => {
      const log = pino({ level: logLevel });
      const ending = new AbortController();
      for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => ending.abort());
      const lease = { namespace: leaseNamespace, name: "brindle-controllers" };
      const options = { environment: process.env, lease, ...(kubeconfig !== undefined && { kubeconfig }) };
      await runControllers(options, log, ending.signal);
    });
}
