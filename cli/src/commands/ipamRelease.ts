import type { CommandDefinition } from "../command.ts";
import type { ReleaseOptions } from "../ipam/release.ts";

export const ipamReleaseCommand: CommandDefinition<readonly [], ReleaseOptions> = {
  name: "ipam release",
  summary: "free an address that nobody has, or those of reports",
  details:
    "Gives the address back under the number by which it was given, so that one that is given anew meanwhile stays. An " +
    "address that an endpoint has is refused. Of reports (`ipam check --report`, `calicoctl ipam check -o`) that is freed " +
    "which all of them say nobody has, and which nobody has still; two, some time apart, are better than one. For all " +
    "that is left behind, `ipam check --fix` looks twice and repairs, without any.",
  examples: [
    { line: "brindlectl ipam show --ip 10.244.1.7", does: "whose it is" },
    { line: "brindlectl ipam release --ip 10.244.1.7", does: "free it" },
    { line: "brindlectl ipam release --from-report monday.json tuesday.json", does: "free what both found" },
  ],
  declare(command) {
    command
      .option("--ip <address>", "the address")
      .option("--from-report <files...>", "reports of ipam check")
      .option(
        "--force",
        "with --ip also where an endpoint has it, so that two pods may; of reports also what may be in use otherwise",
      );
  },
  async run(_args, options, ports) {
    const { release } = await import("../ipam/release.ts");
    return release(options, ports);
  },
};
