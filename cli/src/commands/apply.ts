import type { CommandDefinition } from "../command.ts";
import type { ManifestOptions } from "../resources/manifests.ts";
import { filenameOption, namespaceOption, recursiveOption } from "./options.ts";

export const applyCommand: CommandDefinition<readonly [], ManifestOptions> = {
  name: "apply",
  summary: "create resources, or change them to what manifests say",
  details:
    "All documents are checked first, each by itself and among what is stored; if any is wrong, nothing is stored. " +
    "What is as it should be is left alone. Kubernetes NetworkPolicies are stored as the Calico policies that mean " +
    "the same.",
  examples: [
    { line: "brindlectl apply -f pools.yaml", does: "the resources of a file" },
    { line: "brindlectl apply -R -f fabric/", does: "of all YAML and JSON files in and below a folder" },
    {
      line: "brindlectl get ippools -o yaml | sed s/Always/Never/ | brindlectl apply -f -",
      does: "change what is there",
    },
  ],
  declare(command) {
    command.addOption(filenameOption().makeOptionMandatory()).addOption(recursiveOption()).addOption(namespaceOption());
  },
  async run(_args, options, ports) {
    const { writeManifests } = await import("../resources/write.ts");
    return writeManifests("apply", options, ports);
  },
};
