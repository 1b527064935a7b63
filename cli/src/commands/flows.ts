import { InvalidArgumentError, Option } from "commander";
import type { CommandDefinition } from "../command.ts";
import type { FlowsOptions } from "../flows/denied.ts";

export const flowsCommand: CommandDefinition<readonly [], FlowsOptions> = {
  name: "flows",
  summary: "show flows that policy denies on this node, as it happens",
  details:
    "A line for each packet that policy denied, with the policy and the rule. So many a second as policy.deniedFlows.perSecond " +
    "of AgentConfiguration says; of more than that, and where this reader is too slow, their number. With staged policies it says " +
    "of each whether they would allow it, and tells flows that are allowed and that they would deny. Asks this node's agent.",
  examples: [
    { line: "brindlectl flows --denied -f", does: "until it is interrupted" },
    { line: "brindlectl flows --denied --count 1 -o json", does: "waits for the next one" },
  ],
  declare(command) {
    command
      .option("--denied", "those that policy denies")
      .option("-f, --follow", "as they happen, until interrupted")
      .addOption(new Option("--count <flows>", "end after so many").argParser(flows))
      .addOption(new Option("-o, --output <form>", "the form of the output").choices(["text", "json"]).default("text"));
  },
  async run(_args, options, ports) {
    const { showFlows } = await import("../flows/denied.ts");
    return showFlows(options, ports);
  },
};

function flows(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1) return count;
  throw new InvalidArgumentError("a number of flows, 1 or more");
}
