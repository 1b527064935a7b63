/** Questions about routes that are asked often, each a name for `bgp routes` with options. */
import { Option } from "commander";
import type { AdvertisedOptions } from "../bgp/advertised.ts";
import type { RoutesOptions } from "../bgp/routes.ts";
import type { CommandDefinition } from "../command.ts";
import { outputOption } from "../output/form.ts";
import { limitOption, nodeOption } from "./options.ts";

const routeCommand: CommandDefinition<readonly [string], RoutesOptions> = {
  name: "bgp route",
  summary: "show all candidates of one prefix, the best, and the numbered rule by which each other lost",
  details:
    "With a length it is exactly that prefix. An address alone stands for the most specific prefix that holds it and is " +
    "used, which is named. The rules of the decision are those of RFC 4271 in their order; `bgp/DESIGN.md` says where " +
    "they stand.",
  examples: [
    { line: "brindlectl bgp route 10.1.0.64/26", does: "why one of them won" },
    { line: "brindlectl bgp route 10.1.0.70", does: "where packets to this address go, and why" },
  ],
  declare(command) {
    command.argument("<prefix or address>").addOption(limitOption()).addOption(outputOption()).addOption(nodeOption());
  },
  async run([prefix], options, ports) {
    const { showRoutes } = await import("../bgp/routes.ts");
    return showRoutes(prefix, { ...options, all: true }, ports);
  },
};

const receivedCommand: CommandDefinition<readonly [string], RoutesOptions> = {
  name: "bgp received",
  summary: "show all routes that one peer told, used or not",
  details: "Those that import refused are among them, with the filter and the rule that did it.",
  examples: [{ line: "brindlectl bgp received tor-a", does: "its whole table, as far as it was told" }],
  declare(command) {
    command.argument("<peer>").addOption(limitOption()).addOption(outputOption()).addOption(nodeOption());
  },
  async run([peer], options, ports) {
    const { showRoutes } = await import("../bgp/routes.ts");
    return showRoutes(undefined, { ...options, peer, all: true }, ports);
  },
};

const filteredCommand: CommandDefinition<readonly [string | undefined], RoutesOptions> = {
  name: "bgp filtered",
  summary: "show the routes that import refused, and by which filter, rule or policy",
  details: "They are kept, so that another filter needs no word from the peer. Without a name: those of all peers.",
  examples: [{ line: "brindlectl bgp filtered tor-a", does: "what this node does not take from it, and why" }],
  declare(command) {
    command.argument("[peer]").addOption(limitOption()).addOption(outputOption()).addOption(nodeOption());
  },
  async run([peer], options, ports) {
    const { showRoutes } = await import("../bgp/routes.ts");
    return showRoutes(undefined, { ...options, ...(peer !== undefined && { peer }), all: true, filtered: true }, ports);
  },
};

const advertisedCommand: CommandDefinition<readonly [string], AdvertisedOptions> = {
  name: "bgp advertised",
  summary: "show what one peer is told, as it is told, or what another file would change in that",
  details:
    "With -f nothing is told to anybody: it shows what the peer would be told anew (`new`), otherwise (`changed`) and no " +
    "more (`gone`), if that were the file of the brindle-bgp at the socket.",
  examples: [
    { line: "brindlectl bgp advertised tor-a", does: "with next hops, paths and communities as they leave" },
    { line: "brindlectl bgp advertised tor-a -f new.yaml --socket /run/brindle/bgp.sock", does: "a rehearsal" },
  ],
  declare(command) {
    command
      .argument("<peer>")
      .addOption(new Option("-f, --filename <path>", "another file of the daemon; - for standard input"))
      .addOption(limitOption())
      .addOption(outputOption(["table", "yaml", "json"]))
      .addOption(nodeOption());
  },
  async run([peer], options, ports) {
    const { showAdvertised } = await import("../bgp/advertised.ts");
    return showAdvertised(peer, options, ports);
  },
};

export const bgpRouteListCommands: readonly CommandDefinition[] = [
  routeCommand as CommandDefinition,
  receivedCommand as CommandDefinition,
  filteredCommand as CommandDefinition,
  advertisedCommand as CommandDefinition,
];
