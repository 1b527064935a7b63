import { InvalidArgumentError, Option } from "commander";
import type { CommandDefinition } from "../command.ts";
import { outputOption } from "../output/form.ts";
import type { PolicyDiffOptions } from "../policy/diff.ts";
import { clusterOption, filenameOption, namespaceOption, recursiveOption } from "./options.ts";

export const policyDiffCommand: CommandDefinition<readonly [], PolicyDiffOptions> = {
  name: "policy diff",
  summary: "show between which pods the verdict would change, were manifests applied",
  details:
    "Compares what policy says now of every pair of pods, protocol and port with what it would say after `apply -f`, " +
    "or with --delete after `delete -f`. Nothing is written. Policies of Calico and of Kubernetes, profiles, tiers and " +
    "network sets count. What cannot be told beforehand, as a rule that names source ports, is taken not to match.",
  examples: [
    { line: "brindlectl policy diff -f new/", does: "before it is applied" },
    { line: "brindlectl policy diff --delete -f old.yaml", does: "before it is deleted" },
    { line: "brindlectl policy diff -f new/ --cluster manifests/ -o json", does: "by manifests alone" },
  ],
  declare(command) {
    command
      .addOption(filenameOption().makeOptionMandatory())
      .addOption(clusterOption())
      .option("--delete", "what if these were deleted")
      .addOption(new Option("--limit <rows>", "how many rows the table has at most").argParser(rows).default(100))
      .addOption(outputOption(["table", "yaml", "json"]))
      .addOption(recursiveOption())
      .addOption(namespaceOption());
  },
  async run(_args, options, ports) {
    const { diffPolicy } = await import("../policy/diff.ts");
    return diffPolicy(options, ports);
  },
};

function rows(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1) return count;
  throw new InvalidArgumentError("a number of rows, 1 or more");
}
