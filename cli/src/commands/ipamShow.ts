import { Option } from "commander";
import type { CommandDefinition } from "../command.ts";
import type { ShowOptions } from "../ipam/show.ts";

export const ipamShowCommand: CommandDefinition<readonly [], ShowOptions> = {
  name: "ipam show",
  summary: "show how many addresses are in use, or who has one",
  details:
    "Reads the datastore. Nodes take addresses from pools in blocks; one that has no block left to take borrows " +
    "addresses from those of other nodes.",
  examples: [
    { line: "brindlectl ipam show", does: "every pool" },
    { line: "brindlectl ipam show --show-blocks", does: "and the blocks in it, with their nodes" },
    { line: "brindlectl ipam show --ip 10.1.0.65", does: "whose an address is" },
    { line: "brindlectl ipam show --show-configuration", does: "how nodes get blocks, as ipam configure sets it" },
  ],
  declare(command) {
    const exclusive = ["ip", "showBlocks", "showBorrowed", "showConfiguration"];
    const others = (own: string) => exclusive.filter((name) => name !== own);
    command
      .addOption(new Option("--ip <address>", "one address").conflicts(others("ip")))
      .addOption(new Option("--show-blocks", "also blocks").conflicts(others("showBlocks")))
      .addOption(new Option("--show-borrowed", "addresses used on another node").conflicts(others("showBorrowed")))
      .addOption(new Option("--show-configuration", "what ipam configure sets").conflicts(others("showConfiguration")));
  },
  async run(_args, options, ports) {
    const { showIpam } = await import("../ipam/show.ts");
    return showIpam(options, ports);
  },
};
