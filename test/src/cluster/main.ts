/** `npm run cluster`: a real Kubernetes on this machine, to try a manifest on. */
import { Command, InvalidArgumentError, Option } from "commander";
import { nodesMax } from "../fixtures/kubeadm/plan.ts";
import { down, kubectl, load, restart, shell, start, status, stop } from "./commands.ts";
import type { KeeperRequest } from "./protocol.ts";
import { up } from "./up.ts";

const program = new Command("npm run cluster --")
  .description(
    "A cluster of kubeadm's, its nodes in namespaces of this machine, and a router and a client beside them.",
  )
  .enablePositionalOptions();
program
  .command("up")
  .description("makes the cluster; its nodes wait for a network")
  .option("--nodes <count>", "how many, the first being the control plane", parseCount, 3)
  .addOption(new Option("--proxy <mode>", "mode of kube-proxy").choices(["iptables", "nftables"]).default("iptables"))
  .option("--dual-stack", "IPv4 and IPv6, for pods and Services", false)
  .addOption(
    new Option("--cni <network>", "bridge: the reference plugins, to compare with")
      .choices(["none", "bridge"])
      .default("none"),
  )
  .action((options: KeeperRequest) => up(options));
program.command("status").description("nodes, and the sessions of their router").action(status);
program
  .command("load")
  .argument("<archive...>", "OCI archives")
  .description("imports images on every node")
  .action(load);
program
  .command("stop")
  .argument("<node>", "its number", parseCount)
  .description("cuts the power of a node")
  .action(stop);
program.command("start").argument("<node>", "its number", parseCount).description("boots it again").action(start);
program
  .command("restart")
  .argument("<node>", "its number", parseCount)
  .addArgument(program.createArgument("<service>").choices(["kubelet", "containerd"]))
  .description("restarts a service of a node")
  .action(restart);
program
  .command("kubectl")
  .argument("[args...]")
  .description("kubectl of the cluster's version, as its administrator")
  .allowUnknownOption()
  .passThroughOptions()
  .helpOption(false)
  .action(async (args: string[]) => {
    process.exitCode = await kubectl(args);
  });
program
  .command("shell")
  .argument("<where>", "the number of a node, tor or client")
  .argument("[command...]")
  .description("a shell there, or a command")
  .passThroughOptions()
  .action(async (where: string, command: string[]) => {
    process.exitCode = await shell(where, command);
  });
program.command("down").description("ends the cluster and removes all of it").action(down);

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= nodesMax) return count;
  throw new InvalidArgumentError(`a number from 1 to ${nodesMax}`);
}

try {
  await program.parseAsync();
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
