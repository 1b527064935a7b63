import { Option } from "commander";
import type { ReloadOptions } from "../bgp/reload.ts";
import type { CommandDefinition } from "../command.ts";
import { outputOption } from "../output/form.ts";

export const bgpReloadCommand: CommandDefinition<readonly [], ReloadOptions> = {
  name: "bgp reload",
  summary: "have a brindle-bgp read its file anew, and show what each change costs each peer",
  details:
    "A change costs a peer nothing, a refresh (routes are judged or told anew by the same session) or a reset. What is " +
    "wrong in the file is told, and then nothing changes. An agent has no such file: it follows the datastore.",
  examples: [
    { line: "brindlectl bgp reload --socket /run/brindle/bgp.sock", does: "as SIGHUP does" },
    {
      line: "brindlectl bgp reload --dry-run -f new.yaml --socket /run/brindle/bgp.sock",
      does: "what the daemon would do if its file were new.yaml",
    },
  ],
  declare(command) {
    command
      .addOption(new Option("--dry-run", "change nothing; needs -f"))
      .addOption(new Option("-f, --filename <path>", "the file to compare with; - for standard input"))
      .addOption(outputOption(["table", "yaml", "json"]));
  },
  async run(_args, options, ports) {
    const { reload } = await import("../bgp/reload.ts");
    return reload(options, ports);
  },
};
