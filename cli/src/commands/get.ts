import type { CommandDefinition } from "../command.ts";
import { outputOption } from "../output/form.ts";
import type { GetOptions } from "../resources/get.ts";
import { filenameOption, lowerCaseAllNamespacesOption, namespaceDefault, recursiveOption } from "./options.ts";

export const getCommand: CommandDefinition<readonly [string | undefined, readonly string[]], GetOptions> = {
  name: "get",
  summary: "show resources",
  details:
    "A kind may be typed in the singular or plural, in any case, or short: nodes (no), ippools (pool), bgppeers (bgpp), " +
    "bgpconfigurations (bgpconfig), workloadendpoints (wep), networkpolicies (np), globalnetworkpolicies (gnp), " +
    "hostendpoints (hep), profiles, tiers, networksets, ipamblocks and more; several with commas between, or `all`.",
  examples: [
    { line: "brindlectl get nodes -o wide", does: "every node with its AS number and addresses" },
    { line: "brindlectl get wep -A", does: "the interfaces of all pods" },
    { line: "brindlectl get ippool pods-ipv4 -o yaml", does: "one pool, as `apply` takes it" },
    { line: "brindlectl get -f fabric.yaml -o yaml", does: "the resources of a file, as they are stored" },
    { line: "brindlectl get ippools,bgppeers --export -o yaml > fabric.yaml", does: "to apply to another cluster" },
  ],
  declare(command) {
    command
      .argument("[kind]")
      .argument("[names...]")
      .addOption(filenameOption())
      .addOption(recursiveOption())
      .addOption(outputOption())
      .option("-n, --namespace <name>", `of this namespace, which is shown then (default: ${namespaceDefault})`)
      .option("-A, --all-namespaces", "of every namespace")
      .addOption(lowerCaseAllNamespacesOption())
      .option("--export", "without uid, creation time and version, which belong to this cluster");
  },
  async run([kind, names], options, ports) {
    const { getResources } = await import("../resources/get.ts");
    return getResources(kind, names, options, ports);
  },
};
