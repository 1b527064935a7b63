import type { CommandDefinition } from "../command.ts";
import { outputOption } from "../output/form.ts";
import type { HitsOptions } from "../policy/hits.ts";

export const policyHitsCommand: CommandDefinition<readonly [string | undefined], HitsOptions> = {
  name: "policy hits",
  summary: "show how often each rule decided on flows of this node's pods",
  details:
    "Counts new flows by the packets that open them, as the kernel does: a connection that is denied counts with each " +
    "attempt, and one that nobody answers with each packet. Hits go with the rule when its policy changes, and begin " +
    "anew where the rule itself does. Where no rule decided and that denies, the row is of the pod. Asks this node's agent.",
  examples: [
    { line: "brindlectl policy hits", does: "rules with hits, the most first" },
    { line: "brindlectl policy hits shop/db", does: "all rules of one policy, those without hits too" },
    { line: "brindlectl policy hits --all -o json", does: "everything, for a program" },
  ],
  declare(command) {
    command
      .argument("[policy]", "the name of a policy or profile, with its namespace where it has one")
      .option("--all", "rules without hits too")
      .addOption(outputOption(["table", "yaml", "json"]));
  },
  async run([name], options, ports) {
    const { showHits } = await import("../policy/hits.ts");
    return showHits(name, options, ports);
  },
};
