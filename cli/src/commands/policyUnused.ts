import type { CommandDefinition } from "../command.ts";
import { outputOption } from "../output/form.ts";
import type { UnusedOptions } from "../policy/unused.ts";
import { filenameOption, namespaceOption, recursiveOption } from "./options.ts";

export const policyUnusedCommand: CommandDefinition<readonly [], UnusedOptions> = {
  name: "policy unused",
  summary: "show policies that select no pod, and rules whose selectors find nothing",
  details:
    "What it shows may be left over, or may be a mistake: a label with a typing error selects nobody. Pods that come " +
    "later may change it. Reads the datastore, or with -f manifests alone.",
  examples: [{ line: "brindlectl policy unused", does: "a row for each" }],
  declare(command) {
    command
      .addOption(outputOption(["table", "yaml", "json"]))
      .addOption(filenameOption())
      .addOption(recursiveOption())
      .addOption(namespaceOption());
  },
  async run(_args, options, ports) {
    const { showUnused } = await import("../policy/unused.ts");
    return showUnused(options, ports);
  },
};
