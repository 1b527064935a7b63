import type { CommandDefinition } from "../command.ts";
import type { ManifestOptions } from "../resources/manifests.ts";
import { filenameOption, namespaceOption, recursiveOption } from "./options.ts";

export const validateCommand: CommandDefinition<readonly [], ManifestOptions> = {
  name: "validate",
  summary: "check resources, and store nothing",
  details:
    "Each document is checked by itself, and no datastore is asked: that pools overlap, or that a filter is missing, " +
    "`brindlectl apply` finds.",
  examples: [{ line: "brindlectl validate -R -f fabric/", does: "all YAML and JSON files in and below a folder" }],
  declare(command) {
    command.addOption(filenameOption().makeOptionMandatory()).addOption(recursiveOption()).addOption(namespaceOption());
  },
  async run(_args, options, ports) {
    const { validateManifests } = await import("../resources/validate.ts");
    return validateManifests(options, ports);
  },
};
