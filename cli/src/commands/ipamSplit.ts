import { InvalidArgumentError } from "commander";
import type { CommandDefinition } from "../command.ts";
import type { SplitOptions } from "../ipam/split.ts";

export const ipamSplitCommand: CommandDefinition<readonly [number], SplitOptions> = {
  name: "ipam split",
  summary: "make several pools of one, of parts of its range",
  details:
    "Pods keep their addresses and nodes their blocks. Each part has all that the pool had, under the name split-POOL-0 and " +
    "so on, so that parts may then be given to some nodes or namespaces, or migrated away from.",
  examples: [{ line: "brindlectl ipam split 4 --name default-ipv4-ippool", does: "four pools, each a quarter" }],
  declare(command) {
    command
      .argument("<number>", "of parts: 2, 4, 8 and so on", (text) => {
        if (!/^\d+$/.test(text)) throw new InvalidArgumentError("Say a whole number.");
        return Number(text);
      })
      .option("--name <pool>", "the pool, by its name")
      .option("--cidr <range>", "or by its range");
  },
  async run([count], options, ports) {
    const { splitPool } = await import("../ipam/split.ts");
    return splitPool(count, options, ports);
  },
};
