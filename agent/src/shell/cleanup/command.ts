import { hostname } from "node:os";
import { Command, InvalidArgumentError, Option } from "commander";
import { AgentError } from "../../error.ts";
import { addDatastoreOptions, type DatastoreFlags, datastoreSettings } from "../datastoreFlags.ts";
import { checkProcess } from "../machine.ts";
import { cleanUp } from "./cleanup.ts";
import { type DaemonSetName, openCluster, refuseWhileInstalled } from "./installed.ts";

interface Flags extends DatastoreFlags {
  readonly node: string;
  readonly dryRun: boolean;
  readonly pods: boolean;
  readonly abandon: boolean;
  readonly stay: boolean;
  readonly after?: DaemonSetName;
  readonly cniConfigDirectory: string;
  readonly binDirectory: string;
  readonly runDirectory: string;
  readonly stateDirectory: string;
}

const details = `
Takes away what Brindle made: network list and executable, pods' interfaces, routes, chains and sets, and its folders;
kernel settings that it changed become what they were. It refuses while an agent runs, and while pods still have their
network of Brindle. Doing it again does nothing. Exits with 0 when nothing is left, else with 1.`;

export function cleanupCommand(): Command {
  const command = new Command("cleanup")
    .description("Leaves this node as it was before Brindle, once its agent is removed for good.")
    .addOption(new Option("--node <name>", "name of this node").env("NODENAME").default(hostname(), "the host's name"))
    .option("--dry-run", "say what would be done, and do nothing", false)
    .option("--pods", "also cut off pods that run: they are to be made anew on another network", false)
    .option("--abandon", "go on where kept deletions of pods cannot be done: their addresses stay taken", false)
    .option("--stay", "stay when all is done, until told to end: for a DaemonSet, which knows no end", false)
    .addOption(
      new Option("--after <namespace/daemonset>", "refuse as long as the cluster has it").argParser(daemonSetName),
    )
    .option("--cni-config-directory <folder>", "where the runtime looks for networks", "/etc/cni/net.d")
    .option("--bin-directory <folder>", "where the runtime looks for executables", "/opt/cni/bin")
    .option("--run-directory <folder>", "where the agent had its sockets", "/run/brindle")
    .option("--state-directory <folder>", "where deletions were kept", "/var/lib/brindle")
    .addHelpText("after", details);
  return addDatastoreOptions(command).action(async (flags: Flags) => {
    checkProcess();
    if (flags.after) await refuseBefore(flags.after, flags);
    const options = {
      ...flags,
      pendingDirectory: `${flags.stateDirectory}/cni-pending`,
      store: () => datastoreSettings(flags, storeTimeoutMs),
    };
    const isWhole = await cleanUp(options, { print: (text) => process.stdout.write(`${text}\n`) });
    if (!isWhole) throw new AgentError({ code: "UNSUITABLE_MACHINE", reason: "not all is removed; see above" });
    if (flags.stay) await untilTold();
  });
}

const storeTimeoutMs = 10_000;

async function refuseBefore(daemonSet: DaemonSetName, { kubeconfig }: Flags): Promise<void> {
  const api = await openCluster({ timeoutMs: storeTimeoutMs, ...(kubeconfig !== undefined && { kubeconfig }) });
  try {
    await refuseWhileInstalled(daemonSet, api);
  } finally {
    api.close();
  }
}

function daemonSetName(text: string): DaemonSetName {
  const [namespace, name, ...others] = text.split("/");
  if (!namespace || !name || others.length > 0)
    throw new InvalidArgumentError("It is no NAMESPACE/NAME, as brindle-system/brindle-agent.");
  return { namespace, name };
}

async function untilTold(): Promise<void> {
  const alive = setInterval(() => {}, 3_600_000);
  const signals = ["SIGTERM", "SIGINT"] as const;
  await new Promise<void>((resolve) => {
    for (const signal of signals) process.once(signal, () => resolve());
  });
  clearInterval(alive);
}
