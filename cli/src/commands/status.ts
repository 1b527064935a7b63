import type { CommandDefinition } from "../command.ts";
import { type OutputForm, outputOption } from "../output/form.ts";

export const statusCommand: CommandDefinition<readonly [], { readonly output: OutputForm }> = {
  name: "status",
  summary: "show how the agent of this node is: datastore, parts, blocks of addresses",
  details:
    "Asks the agent of this node over its socket. What is wrong is named with what to do, as docs/troubleshooting.md has it. " +
    "The exit code is 1 while a part of it is not ready.",
  examples: [
    { line: "brindlectl status", does: "for a person" },
    { line: "brindlectl status -o json", does: "for a program" },
    {
      line: "kubectl exec -n brindle-system ds/brindle-agent -c agent -- brindlectl status",
      does: "from outside; for that of a certain node name its pod",
    },
  ],
  declare(command) {
    command.addOption(outputOption(["table", "yaml", "json"]));
  },
  async run(_args, options, ports) {
    const { showStatus } = await import("../status/status.ts");
    return showStatus(options, ports);
  },
};
