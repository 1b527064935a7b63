import type { PeersOptions } from "../bgp/peers.ts";
import type { CommandDefinition } from "../command.ts";
import { outputOption } from "../output/form.ts";
import { nodeOption } from "./options.ts";

export const bgpPeersCommand: CommandDefinition<readonly [], PeersOptions> = {
  name: "bgp peers",
  summary: "show the BGP sessions of this node: state, since when, routes, what failed last",
  details:
    "Asks the agent of this node over its socket. Routes are counted by address family, while a session is " +
    "Established. The last failure stays after a session has come back.",
  examples: [
    { line: "brindlectl bgp peers", does: "a row for each peer and family" },
    { line: "brindlectl bgp peers -o wide", does: "with router ids, hold times, and how often each was lost" },
  ],
  declare(command) {
    command.addOption(outputOption()).addOption(nodeOption());
  },
  async run(_args, options, ports) {
    const { showPeers } = await import("../bgp/peers.ts");
    return showPeers(options, ports);
  },
};
