import { Option } from "commander";
import type { RecordOptions } from "../bgp/record.ts";
import type { CommandDefinition } from "../command.ts";

export const bgpRecordCommand: CommandDefinition<readonly [], RecordOptions> = {
  name: "bgp record",
  summary: "write down all that happens to the BGP speaker for a while, as JSON lines, without passwords",
  details:
    "Each event with its time, and what the speaker did: messages as they went over the wire, timers, decisions. The first " +
    "lines tell the configuration and the peers as they are. It can be read, but not played again as one that brindle-bgp " +
    "--record made from the start. A file that exists is not touched.",
  examples: [{ line: "brindlectl bgp record --for 30s --to flap.jsonl", does: "while a session flaps" }],
  declare(command) {
    command
      .addOption(new Option("--for <duration>", "like 30s or 5m, an hour at most").makeOptionMandatory())
      .addOption(new Option("--to <file>", "a new file").makeOptionMandatory());
  },
  async run(_args, options, ports) {
    const { record } = await import("../bgp/record.ts");
    return record(options, ports);
  },
};
