import type { CommandDefinition } from "../command.ts";
import type { ManifestOptions } from "../resources/manifests.ts";
import { filenameOption, namespaceOption, recursiveOption } from "./options.ts";

export const replaceCommand: CommandDefinition<readonly [], ManifestOptions> = {
  name: "replace",
  summary: "change resources to what manifests say; fail if one of them does not exist",
  details:
    "All documents are checked first; if any is wrong or does not exist, nothing is stored. A document with a " +
    "resourceVersion replaces exactly that version, and fails if somebody has changed it since.",
  examples: [{ line: "brindlectl replace -f peer.yaml", does: "the resources of a file" }],
  declare(command) {
    command.addOption(filenameOption().makeOptionMandatory()).addOption(recursiveOption()).addOption(namespaceOption());
  },
  async run(_args, options, ports) {
    const { writeManifests } = await import("../resources/write.ts");
    return writeManifests("replace", options, ports);
  },
};
