import { Option } from "commander";
import type { RecordOptions } from "../bgp/record.ts";
import type { CommandDefinition } from "../command.ts";

export const bgpRecordCommand: CommandDefinition<readonly [], RecordOptions> = {
  name: "bgp record",
  summary: "write down all that happens to the BGP speaker for a while, as JSON lines, without passwords",
  details:
    "Each event with its time, and what the speaker did: messages as they went over the wire, timers, decisions. The first " +
    "lines tell the configuration and the peers as they are. It can be read, but not played again. With --afresh it can: " +
    "the speaker of a brindle-bgp begins anew for it, as by a restart of the process, so sessions end and come back; peers " +
    "that restart gracefully with us keep the routes meanwhile. A file that exists is not touched.",
  examples: [
    { line: "brindlectl bgp record --for 30s --to flap.jsonl", does: "while a session flaps" },
    {
      line: "brindlectl bgp record --for 2m --to flap.jsonl --afresh --socket /run/brindle/bgp.sock",
      does: "to be played again",
    },
  ],
  declare(command) {
    command
      .addOption(new Option("--for <duration>", "like 30s or 5m, an hour at most").makeOptionMandatory())
      .addOption(new Option("--to <file>", "a new file").makeOptionMandatory())
      .addOption(new Option("--afresh", "by a speaker that begins anew, so that it can be played again"));
  },
  async run(_args, options, ports) {
    const { record } = await import("../bgp/record.ts");
    return record(options, ports);
  },
};
