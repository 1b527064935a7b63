import { InvalidArgumentError, Option } from "commander";
import type { CommandDefinition } from "../command.ts";
import type { CheckOptions } from "../ipam/check.ts";
import { outputOption } from "../output/form.ts";

export const ipamCheckCommand: CommandDefinition<readonly [], CheckOptions> = {
  name: "ipam check",
  summary: "find addresses, handles and blocks that do not fit together, and repair them",
  details:
    "Compares blocks, handles and claims with the endpoints and nodes that they are for. What a pod that is just being " +
    "made has looks wrong for a moment; so --fix looks twice, --grace apart, and repairs what was the very same both " +
    "times. It never takes an address that an endpoint has, of a node that does not answer, or that is for anything but " +
    "pods and tunnels. Overlaps, duplicates and damaged blocks are for a person. The controllers do the same by " +
    "themselves, after leakGracePeriod. Exits with 1 if a problem is left.",
  examples: [
    { line: "brindlectl ipam check", does: "what is wrong" },
    { line: "brindlectl ipam check --show-all-ips", does: "and whose each address is" },
    { line: "brindlectl ipam check --fix --dry-run", does: "what a repair would do" },
    { line: "brindlectl ipam check --fix", does: "repair it" },
    { line: "brindlectl ipam check -o json", does: "for a program" },
  ],
  declare(command) {
    command
      .addOption(new Option("--show-all-ips", "also every address in use, and by whom"))
      .addOption(new Option("--report <file>", "also write a report for `ipam release --from-report`"))
      .addOption(new Option("--show-problem-ips", "addresses with a problem; they are always shown").hideHelp())
      .addOption(new Option("--fix", "repair what a program can"))
      .addOption(new Option("--dry-run", "with --fix: say what it would do"))
      .addOption(
        new Option("--grace <time>", "with --fix: how long a problem must stand")
          .default(90_000, "90s")
          .argParser(time),
      )
      .addOption(outputOption(["table", "yaml", "json"]));
  },
  async run(_args, options, ports) {
    const { checkIpam } = await import("../ipam/check.ts");
    return checkIpam(options, ports);
  },
};

function time(text: string): number {
  const [, number, unit = "s"] = /^(\d+)(ms|s|m)?$/.exec(text) ?? [];
  const ms = Number(number) * ({ ms: 1, s: 1_000, m: 60_000 }[unit] ?? 0);
  if (Number.isFinite(ms) && ms <= 3_600_000) return ms;
  throw new InvalidArgumentError("It is no time up to 60m, as 90s.");
}
