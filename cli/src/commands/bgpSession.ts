import type { MaintenanceOptions } from "../bgp/maintenance.ts";
import type { CommandDefinition } from "../command.ts";
import { outputOption } from "../output/form.ts";

export const bgpMaintenanceCommand: CommandDefinition<readonly [readonly string[]], MaintenanceOptions> = {
  name: "bgp maintenance",
  summary: "take a BGP session down for a while without losing packets, and bring it back",
  details:
    "First the routes of the session become the last resort on both sides (graceful shutdown, RFC 8326), so that packets " +
    "find other ways while these still work; after --wait the session ends, and the peer's operator reads the text (RFC " +
    "9003). It stays down until it is turned off, through reloads, but not through a restart of the process.",
  examples: [
    { line: "brindlectl bgp maintenance tor-a on --text 'new optics' --wait 2m", does: "one session" },
    { line: "brindlectl bgp maintenance tor-a off", does: "it comes back at once" },
    { line: "brindlectl bgp maintenance --all on", does: "all of this speaker, also those that would come later" },
  ],
  declare(command) {
    command
      .argument("<peer and on|off...>", "on or off, and the peer before it unless --all is given")
      .option("--all", "all sessions")
      .option("--text <text>", "what the peers' operators read, 255 bytes at most")
      .option("--wait <duration>", "how long routes are the last resort before the session ends", "60s")
      .addOption(outputOption(["table", "yaml", "json"]));
  },
  async run([words], options, ports) {
    const { maintain } = await import("../bgp/maintenance.ts");
    return maintain(words, options, ports);
  },
};

export const bgpResetCommand: CommandDefinition<readonly [string], { readonly text?: string }> = {
  name: "bgp reset",
  summary: "end one BGP session, so that it begins anew",
  details:
    "The peer hears Cease/Administrative Reset with the text, if one is given (RFC 9003). A session that ended for too " +
    "many prefixes may come back by this, too.",
  examples: [{ line: "brindlectl bgp reset tor-a --text cabling", does: "with a word for the other operator" }],
  declare(command) {
    command.argument("<peer>").option("--text <text>", "what the peer's operator reads");
  },
  async run([peer], options, ports) {
    const { resetSession } = await import("../bgp/session.ts");
    return resetSession(peer, options, ports);
  },
};

export const bgpRefreshCommand: CommandDefinition<readonly [string], object> = {
  name: "bgp refresh",
  summary: "ask one peer to tell all its routes again (RFC 2918)",
  details: "No filter needs this: what import refused is kept. It is for a peer whose routes seem to differ from ours.",
  examples: [{ line: "brindlectl bgp refresh tor-a", does: "without a reset" }],
  declare(command) {
    command.argument("<peer>");
  },
  async run([peer], _options, ports) {
    const { refreshSession } = await import("../bgp/session.ts");
    return refreshSession(peer, ports);
  },
};
