import type { CommandDefinition } from "../command.ts";

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
