#!/usr/bin/env node
/** `brindle`: the executable of a node. `brindle agent` and what else a node runs. */
import { hostname } from "node:os";
import { StoreError } from "@brindle/api";
import { type Address, parseAddress, parsePrefix } from "@brindle/net";
import type { EndpointToHostAction } from "@brindle/policy";
import { Command, InvalidArgumentError, Option } from "commander";
import { pino } from "pino";
import workspace from "../package.json" with { type: "json" };
import { messageOf } from "./error.ts";
import { defaultLogLevel, type LogLevel } from "./graph/logLevel.ts";
import { type MetricsAddress, parseMetricsAddress } from "./metrics/metricsWish.ts";
import { Agent, type AgentOptions } from "./shell/agent.ts";
import { cleanupCommand } from "./shell/cleanup/command.ts";
import { tuneV8 } from "./shell/compilation.ts";
import { controllersCommand } from "./shell/controllers/command.ts";
import { addDatastoreOptions, type DatastoreFlags, datastoreSettings, healthPort } from "./shell/datastoreFlags.ts";
import { type CniInstallation, installCni } from "./shell/installCni.ts";
import { checkProcess } from "./shell/machine.ts";

const { version } = workspace;
/** Where the image has it. */
const networkListPath = "/usr/share/brindle/10-brindle.conflist";
const executablePath = "/usr/lib/brindle/cni/brindle";

interface RunFlags extends DatastoreFlags {
  readonly node: string;
  readonly ip?: Address;
  readonly ip6?: Address;
  readonly ipv4Pool?: string;
  readonly defaultPools: boolean;
  readonly endpointToHostAction?: EndpointToHostAction;
  readonly logLevel?: LogLevel;
  readonly cniConfigDirectory?: string;
  readonly cniBinDirectory?: string;
  readonly networkList: string;
  readonly healthPort?: number;
  readonly namespace: string;
  readonly bgpPasswords?: string;
  readonly metricsAddress?: MetricsAddress;
  readonly usePodCidr: boolean;
}

const program = new Command("brindle")
  .version(version)
  .description("The network of a Kubernetes node: pods, BGP, policy.");

addDatastoreOptions(program.command("agent"))
  .description("Runs the agent of this node until it is told to end. Pods keep their network while it is away.")
  .addOption(new Option("--node <name>", "name of this node").env("NODENAME").default(hostname(), "the host's name"))
  .addOption(
    new Option("--ip <address>", "IPv4 address of this node; found by itself where not given").argParser(addressOf(4)),
  )
  .addOption(
    new Option("--ip6 <address>", "IPv6 address of this node; found by itself where not given").argParser(addressOf(6)),
  )
  .addOption(
    new Option(
      "--ipv4-pool <cidr>",
      "range of the first IPPool, in a cluster without one; on Kubernetes else kubeadm's",
    )
      .env("CALICO_IPV4POOL_CIDR")
      .argParser(cidr),
  )
  .option("--no-default-pools", "make no IPPool in a cluster without one")
  .addOption(
    new Option(
      "--use-pod-cidr [boolean]",
      "give pods addresses of the node's podCIDR alone, within the IPPools, and announce that; else blocks of IPPools",
    )
      .env("USE_POD_CIDR")
      .preset("true")
      .argParser(boolean)
      .default(false),
  )
  .addOption(
    new Option(
      "--endpoint-to-host-action <action>",
      "what becomes of packets from pods to this node; by default as FelixConfiguration says",
    )
      .choices(["Drop", "Accept", "Return"])
      .env("FELIX_DEFAULTENDPOINTTOHOSTACTION"),
  )
  .addOption(
    new Option(
      "--log-level <level>",
      "how much is logged; by default as FelixConfiguration says, else BGPConfiguration",
    ).choices(["trace", "debug", "info", "warn", "error", "fatal"]),
  )
  .option("--cni-config-directory <folder>", "where to put the network list once all is ready; else it is left to you")
  .option("--network-list <file>", "the network list that is put there", networkListPath)
  .option("--cni-bin-directory <folder>", "where to put the CNI executable before; else `install-cni` is left to you")
  .addOption(
    new Option(
      "--health-port <port>",
      "answers /liveness and /readiness at 127.0.0.1, for a kubelet's probes; else not",
    )
      .env("FELIX_HEALTHPORT")
      .argParser(healthPort),
  )
  .addOption(
    new Option("--namespace <name>", "namespace of the agents, in which BGP passwords are kept")
      .env("NAMESPACE")
      .default("brindle-system"),
  )
  .option(
    "--bgp-passwords <folder>",
    "where BGP passwords are without Kubernetes: a file FOLDER/SECRET/KEY each, of mode 0400",
  )
  .addOption(
    new Option(
      "--metrics-address <host:port>",
      "where Prometheus is answered, [ADDRESS]:PORT for IPv6; by default as FelixConfiguration says, else nowhere",
    ).argParser(metricsAddress),
  )
  .action(async (flags: RunFlags) => {
    const log = pino({ level: flags.logLevel ?? defaultLogLevel, base: { node: flags.node } });
    checkProcess();
    tuneV8();
    const agent = new Agent(agentOptions(flags), log);
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => agent.end());
    await agent.run();
    log.info("ended; the pods of this node keep their network");
  });

program
  .command("install-cni")
  .description("Puts the CNI executable where the container runtime of this node looks for it.")
  .option("--executable <file>", "what is put there", executablePath)
  .option("--bin-directory <folder>", "where the runtime looks for executables", "/opt/cni/bin")
  .option("--network-list <file>", "the network list that the agent will put in its place", networkListPath)
  .action(async (installation: CniInstallation) => {
    process.stdout.write(`${await installCni(installation)}\n`);
  });

program.addCommand(controllersCommand());
program.addCommand(cleanupCommand());

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`brindle: ${messageOf(error)}\n`);
  process.exit(isMisconfigured(error) ? 2 : 1);
});

/** What no second start mends, as a wrong option. */
function isMisconfigured(error: unknown): boolean {
  return error instanceof StoreError && error.failure.code === "MISCONFIGURED";
}

function agentOptions(flags: RunFlags): AgentOptions {
  return {
    version,
    node: flags.node,
    asked: { ...(flags.ip && { 4: flags.ip }), ...(flags.ip6 && { 6: flags.ip6 }) },
    defaultPools: flags.defaultPools ? { ipv4Cidr: flags.ipv4Pool ?? null } : null,
    ...(flags.endpointToHostAction && { endpointToHostAction: flags.endpointToHostAction }),
    followsLogSeverity: flags.logLevel === undefined,
    usesPodCidrs: flags.usePodCidr,
    store: datastoreSettings(flags),
    ...(flags.kubeconfig !== undefined && { kubeconfig: flags.kubeconfig }),
    controlSocket: "/run/brindle/agent.sock",
    cniSocket: "/run/brindle/cni.sock",
    pendingDirectory: "/var/lib/brindle/cni-pending",
    namespace: flags.namespace,
    pod: ownPod(flags.namespace),
    ...(flags.bgpPasswords !== undefined && { bgpPasswords: flags.bgpPasswords }),
    ...(flags.healthPort !== undefined && { healthPort: flags.healthPort }),
    ...(flags.metricsAddress && { metrics: flags.metricsAddress }),
    ...(flags.cniConfigDirectory !== undefined && {
      networkList: {
        source: flags.networkList,
        directory: flags.cniConfigDirectory,
        ...(flags.cniBinDirectory !== undefined && {
          executable: { source: executablePath, directory: flags.cniBinDirectory },
        }),
      },
    }),
  };
}

/** As the manifest tells it; `null` outside of a pod. */
function ownPod(namespace: string): AgentOptions["pod"] {
  const { POD_NAME: name, POD_UID: uid } = process.env;
  return name && uid ? { kind: "Pod", name, namespace, uid } : null;
}

function addressOf(family: 4 | 6): (text: string) => Address {
  return (text) => {
    const address = parseAddress(text);
    if (address?.family !== family) throw new InvalidArgumentError(`It is no IPv${family} address.`);
    return address;
  };
}

/** As Go reads it, and Calico's node with it. An empty variable is none. */
function boolean(text: string): boolean {
  if (/^(1|t|true)$/i.test(text)) return true;
  if (/^(|0|f|false)$/i.test(text)) return false;
  throw new InvalidArgumentError("It is neither true nor false.");
}

function metricsAddress(text: string): MetricsAddress {
  const where = parseMetricsAddress(text);
  if (!where) throw new InvalidArgumentError("It is no address and port, as 127.0.0.1:9091 or [::]:9091.");
  return where;
}

function cidr(text: string): string {
  if (parsePrefix(text)?.address.family !== 4)
    throw new InvalidArgumentError("It is no IPv4 prefix, as 10.244.0.0/16.");
  return text;
}
