/** Every command, in the order of the help. A new one is a file beside this and a line here. */
import type { CommandDefinition } from "../command.ts";
import { applyCommand } from "./apply.ts";
import { bgpPeersCommand } from "./bgpPeers.ts";
import { createCommand } from "./create.ts";
import { deleteCommand } from "./delete.ts";
import { getCommand } from "./get.ts";
import { replaceCommand } from "./replace.ts";

export const commands: readonly CommandDefinition[] = [
  applyCommand,
  createCommand,
  replaceCommand,
  deleteCommand,
  getCommand,
  bgpPeersCommand,
];

/** What the first words of commands of two words are about. */
export const groups: Readonly<Record<string, string>> = {
  bgp: "what this node's BGP speaker knows",
};
