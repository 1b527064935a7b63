import type { CommandDefinition } from "../command.ts";
import type { PolicyTestOptions } from "../policy/testCases.ts";
import { clusterOption, filenameOption, namespaceOption, recursiveOption } from "./options.ts";

export const policyTestCommand: CommandDefinition<readonly [], PolicyTestOptions> = {
  name: "policy test",
  summary: "check that policy allows and denies what a file says it should",
  details:
    "The file has a list `cases`, each with `from`, `to`, `port` (5432/tcp, 53/udp, icmp, icmp/3/4, protocol/47; 80/tcp unless told), " +
    "`expect` (allow or deny) and perhaps a `name`. Ends are pods, workload endpoints or addresses; both families are asked where " +
    "both ends have them. Cases that fail are explained, and the exit code is 1 then. Policies come from the datastore, " +
    "or from --cluster: manifests of policies, profiles, network sets and workload endpoints.",
  examples: [
    { line: "brindlectl policy test -f cases.yaml", does: "against the datastore" },
    { line: "brindlectl policy test -f cases.yaml --cluster manifests/", does: "before anything is applied, as in CI" },
  ],
  declare(command) {
    command
      .addOption(filenameOption().makeOptionMandatory())
      .addOption(clusterOption())
      .addOption(recursiveOption())
      .addOption(namespaceOption());
  },
  async run(_args, options, ports) {
    const { testPolicy } = await import("../policy/testCases.ts");
    return testPolicy(options, ports);
  },
};
