import type { Command } from "commander";
import type { PeerOptions } from "../bgp/peer.ts";
import type { CommandDefinition } from "../command.ts";
import { outputOption } from "../output/form.ts";
import { nodeOption } from "./options.ts";

export const bgpPeerCommand: CommandDefinition<readonly [string], PeerOptions> = {
  name: "bgp peer",
  summary: "show all that is known of one BGP session: capabilities of both sides, counters, transitions",
  details:
    "What came of the capabilities stands there by name while the session is Established. Messages are counted since the " +
    "peer was configured. The last transitions say why; bgp journal has more of them.",
  examples: [{ line: "brindlectl bgp peer tor-a", does: "why it is as it is" }],
  declare: declarePeer,
  async run([name], options, ports) {
    const { showPeer } = await import("../bgp/peer.ts");
    return showPeer(name, options, ports);
  },
};

export const bgpJournalCommand: CommandDefinition<readonly [string], PeerOptions> = {
  name: "bgp journal",
  summary: "show the last transitions of one BGP session, and why they happened",
  details: "The oldest first, fifty at most. An attempt that failed and changed no state stands there, too.",
  examples: [{ line: "brindlectl bgp journal tor-a -o json", does: "for a program" }],
  declare: declarePeer,
  async run([name], options, ports) {
    const { showJournal } = await import("../bgp/peer.ts");
    return showJournal(name, options, ports);
  },
};

function declarePeer(command: Command): void {
  command
    .argument("<name>")
    .addOption(outputOption(["table", "yaml", "json"]))
    .addOption(nodeOption());
}
