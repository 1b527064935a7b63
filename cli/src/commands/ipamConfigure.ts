import { InvalidArgumentError } from "commander";
import type { CommandDefinition } from "../command.ts";
import type { ConfigureOptions } from "../ipam/configure.ts";

const blocksMax = 1_000_000;
const cooldownMax = 1_200;

export const ipamConfigureCommand: CommandDefinition<readonly [], ConfigureOptions> = {
  name: "ipam configure",
  summary: "say how nodes take and share blocks of addresses",
  details:
    "Writes what address management reads on all nodes, Brindle's and Calico's; it holds at once. A limit of blocks needs " +
    "strict affinity, as a node with enough blocks would otherwise go on with others'.",
  examples: [
    { line: "brindlectl ipam configure --strictaffinity=true", does: "no node uses another's blocks" },
    {
      line: "brindlectl ipam configure --strictaffinity=true --max-blocks-per-host=4",
      does: "and none has more than four",
    },
    { line: "brindlectl ipam configure --ip-cooldown-seconds=30", does: "an address rests before it is given again" },
  ],
  declare(command) {
    command
      .option("--strictaffinity <true|false>", "whether a node uses its own blocks alone", truth)
      .option(
        "--max-blocks-per-host <count>",
        "blocks of a family that a node may have; 0 stands for 20",
        upTo(blocksMax),
      )
      .option("--ip-cooldown-seconds <seconds>", "how long an address rests that was given back", upTo(cooldownMax));
  },
  async run(_args, options, ports) {
    const { configureIpam } = await import("../ipam/configure.ts");
    return configureIpam(options, ports);
  },
};

function truth(text: string): boolean {
  if (text !== "true" && text !== "false") throw new InvalidArgumentError("Say true or false.");
  return text === "true";
}

function upTo(max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value > max) throw new InvalidArgumentError(`Say a whole number from 0 to ${max}.`);
    return value;
  };
}
