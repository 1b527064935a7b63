import { Option } from "commander";
import type { RoutesOptions } from "../bgp/routes.ts";
import type { CommandDefinition } from "../command.ts";
import { outputOption } from "../output/form.ts";
import { limitOption, nodeOption } from "./options.ts";

export const bgpRoutesCommand: CommandDefinition<readonly [string | undefined], RoutesOptions> = {
  name: "bgp routes",
  summary: "show the routes of this node's BGP speaker, and why each is the best or is not",
  details:
    "Asks the agent of this node over its socket. Without a prefix it shows the best route of each; with one, or with " +
    "--all, also those that lost, and the rule that decided; an address stands for the most specific prefix that holds it. `local` is this node itself, as a peer.",
  examples: [
    { line: "brindlectl bgp routes", does: "the best route of every prefix" },
    { line: "brindlectl bgp routes 10.1.0.64/26", does: "all routes of one prefix, and why one of them won" },
    { line: "brindlectl bgp routes --advertised-to tor-a", does: "what this node tells a peer" },
    { line: "brindlectl bgp routes --peer tor-a --all --family 6", does: "all IPv6 routes that a peer told this node" },
  ],
  declare(command) {
    command
      .argument("[prefix]")
      .addOption(new Option("--family <family>", "IPv4 or IPv6 alone").choices(["4", "6"]))
      .option("--peer <name>", "learned from this peer")
      .option("--advertised-to <name>", "announced to this peer")
      .option("--all", "also routes that are not the best")
      .addOption(limitOption())
      .addOption(outputOption())
      .addOption(nodeOption());
  },
  async run([prefix], options, ports) {
    const { showRoutes } = await import("../bgp/routes.ts");
    return showRoutes(prefix, options, ports);
  },
};
