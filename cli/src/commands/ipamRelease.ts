import type { CommandDefinition } from "../command.ts";
import type { ReleaseOptions } from "../ipam/release.ts";

export const ipamReleaseCommand: CommandDefinition<readonly [], ReleaseOptions> = {
  name: "ipam release",
  summary: "free one address that nobody has",
  details:
    "Gives the address back under the number by which it was given, so that one that is given anew meanwhile stays. An " +
    "address that an endpoint has is refused. For all that is left behind, `ipam check --fix` looks twice and repairs.",
  examples: [
    { line: "brindlectl ipam show --ip 10.244.1.7", does: "whose it is" },
    { line: "brindlectl ipam release --ip 10.244.1.7", does: "free it" },
  ],
  declare(command) {
    command
      .requiredOption("--ip <address>", "the address")
      .option("--force", "also where an endpoint says that it has it: two pods may then have it");
  },
  async run(_args, options, ports) {
    const { releaseAddress } = await import("../ipam/release.ts");
    return releaseAddress(options, ports);
  },
};
