import type { CommandDefinition } from "../command.ts";
import type { WriteOptions } from "../resources/write.ts";
import { filenameOption, namespaceOption, recursiveOption } from "./options.ts";

export const createCommand: CommandDefinition<readonly [], WriteOptions> = {
  name: "create",
  summary: "create resources; fail if one of them exists",
  details: "All documents are checked first; if any is wrong or exists already, nothing is stored.",
  examples: [
    { line: "brindlectl create -f pool.yaml", does: "the resources of a file" },
    { line: "brindlectl create -n shop -f -", does: "from standard input, in namespace shop where none is named" },
  ],
  declare(command) {
    command
      .addOption(filenameOption().makeOptionMandatory())
      .addOption(recursiveOption())
      .addOption(namespaceOption())
      .option("--skip-exists", "what exists already is left as it is, and is no failure");
  },
  async run(_args, options, ports) {
    const { writeManifests } = await import("../resources/write.ts");
    return writeManifests("create", options, ports);
  },
};
