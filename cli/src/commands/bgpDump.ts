import { Option } from "commander";
import type { CommandDefinition } from "../command.ts";

export const bgpDumpCommand: CommandDefinition<readonly [], { readonly mrt: string }> = {
  name: "bgp dump",
  summary: "write the table of the BGP speaker to a file, as MRT (RFC 6396)",
  details:
    "TABLE_DUMP_V2: all routes as peers told them, used or not, and our own. It is asked for in slices, so that the " +
    "speaker goes on meanwhile; what changes meanwhile may be in it or not. A file that exists is not touched.",
  examples: [{ line: "brindlectl bgp dump --mrt table.mrt", does: "for bgpdump, gobgp mrt, and the like" }],
  declare(command) {
    command.addOption(new Option("--mrt <file>", "a new file").makeOptionMandatory());
  },
  async run(_args, options, ports) {
    const { dumpTable } = await import("../bgp/dump.ts");
    return dumpTable(options, ports);
  },
};
