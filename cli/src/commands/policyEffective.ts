import { Option } from "commander";
import type { CommandDefinition } from "../command.ts";
import { outputOption } from "../output/form.ts";
import type { EffectiveOptions } from "../policy/effective.ts";
import { filenameOption, namespaceOption, recursiveOption } from "./options.ts";

export const policyEffectiveCommand: CommandDefinition<readonly [string], EffectiveOptions> = {
  name: "policy effective",
  summary: "show all policies that select a pod, in the order in which they are asked",
  details:
    "Shows, for each direction, the tiers that have a policy for the pod, their policies with the rules in words, what " +
    "becomes of a packet that none decides, and the profiles behind. Reads the datastore, or with -f manifests alone.",
  examples: [
    { line: "brindlectl policy effective shop/db-0", does: "what holds for this pod" },
    { line: "brindlectl policy effective db-0 -n shop -o yaml -f policies/", does: "by manifests, for a program" },
    { line: "brindlectl policy effective shop/db-0 --staged", does: "what would hold with staged policies" },
  ],
  declare(command) {
    command
      .argument("<pod>", "namespace/name of a pod or of a workload endpoint")
      .addOption(new Option("--staged", "as if staged policies were real"))
      .addOption(outputOption(["table", "yaml", "json"]))
      .addOption(filenameOption())
      .addOption(recursiveOption())
      .addOption(namespaceOption());
  },
  async run([pod], options, ports) {
    const { showEffective } = await import("../policy/effective.ts");
    return showEffective(pod, options, ports);
  },
};
