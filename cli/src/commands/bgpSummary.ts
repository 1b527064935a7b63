import type { SummaryOptions } from "../bgp/summary.ts";
import type { CommandDefinition } from "../command.ts";
import { outputOption } from "../output/form.ts";
import { nodeOption } from "./options.ts";

export const bgpSummaryCommand: CommandDefinition<readonly [], SummaryOptions> = {
  name: "bgp summary",
  summary: "show the BGP speaker at a glance: sessions, routes, the size of its table",
  details:
    "Asks the agent of this node, or a brindle-bgp, over its socket. It costs the speaker the same however large its " +
    "table is. Counts stand there while a session is Established.",
  examples: [
    { line: "brindlectl bgp summary", does: "a row for each peer" },
    { line: "brindlectl bgp summary --socket /run/brindle/bgp.sock -o json", does: "of a brindle-bgp, for a program" },
  ],
  declare(command) {
    command.addOption(outputOption(["table", "yaml", "json"])).addOption(nodeOption());
  },
  async run(_args, options, ports) {
    const { showSummary } = await import("../bgp/summary.ts");
    return showSummary(options, ports);
  },
};
