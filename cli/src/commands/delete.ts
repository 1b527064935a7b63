import type { CommandDefinition } from "../command.ts";
import type { DeleteOptions } from "../resources/delete.ts";
import { filenameOption, namespaceOption, recursiveOption } from "./options.ts";

export const deleteCommand: CommandDefinition<readonly [string | undefined, readonly string[]], DeleteOptions> = {
  name: "delete",
  summary: "delete resources, by kind and name or by manifest",
  details:
    "Each resource is deleted by itself: one that does not exist or may not go is told, and the others go. A pool " +
    "of which addresses are in use stays.",
  examples: [
    { line: "brindlectl delete networkpolicy web -n shop", does: "one policy" },
    { line: "brindlectl delete bgppeer tor-a tor-b", does: "two peers" },
    { line: "brindlectl delete -f policies/ --skip-not-exists", does: "what is left of the resources of a folder" },
  ],
  declare(command) {
    command
      .argument("[kind]", "as in `brindlectl get`")
      .argument("[names...]")
      .addOption(filenameOption())
      .addOption(recursiveOption())
      .addOption(namespaceOption())
      .option("-s, --skip-not-exists", "what does not exist is no failure");
  },
  async run([kind, names], options, ports) {
    const { deleteResources } = await import("../resources/delete.ts");
    return deleteResources(kind, names, options, ports);
  },
};
