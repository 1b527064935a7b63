import type { CommandDefinition } from "../command.ts";
import { type OutputForm, outputOption } from "../output/form.ts";

export const statusCommand: CommandDefinition<readonly [], { readonly output: OutputForm }> = {
  name: "status",
  summary: "show how the agent of this node is: datastore, parts, blocks of addresses",
  details: "Asks the agent of this node over its socket. The exit code is 1 while a part of it is not ready.",
  examples: [
    { line: "brindlectl status", does: "for a person" },
    { line: "brindlectl status -o json", does: "for a program" },
  ],
  declare(command) {
    command.addOption(outputOption(["table", "yaml", "json"]));
  },
  async run(_args, options, ports) {
    const { showStatus } = await import("../status/status.ts");
    return showStatus(options, ports);
  },
};
