/** Every command, in the order of the help. A new one is a file beside this and a line here. */
import type { CommandDefinition } from "../command.ts";
import { applyCommand } from "./apply.ts";
import { bgpDumpCommand } from "./bgpDump.ts";
import { bgpJournalCommand, bgpPeerCommand } from "./bgpPeer.ts";
import { bgpPeersCommand } from "./bgpPeers.ts";
import { bgpRecordCommand } from "./bgpRecord.ts";
import { bgpReloadCommand } from "./bgpReload.ts";
import { bgpRouteListCommands } from "./bgpRouteLists.ts";
import { bgpRoutesCommand } from "./bgpRoutes.ts";
import { bgpMaintenanceCommand, bgpRefreshCommand, bgpResetCommand } from "./bgpSession.ts";
import { bgpSummaryCommand } from "./bgpSummary.ts";
import { createCommand } from "./create.ts";
import { datastoreCommands } from "./datastore.ts";
import { deleteCommand } from "./delete.ts";
import { flowsCommand } from "./flows.ts";
import { getCommand } from "./get.ts";
import { ipamCheckCommand } from "./ipamCheck.ts";
import { ipamConfigureCommand } from "./ipamConfigure.ts";
import { ipamMigrateCommand } from "./ipamMigrate.ts";
import { ipamReleaseCommand } from "./ipamRelease.ts";
import { ipamShowCommand } from "./ipamShow.ts";
import { ipamSplitCommand } from "./ipamSplit.ts";
import { policyDiffCommand } from "./policyDiff.ts";
import { policyEffectiveCommand } from "./policyEffective.ts";
import { policyExplainCommand } from "./policyExplain.ts";
import { policyHitsCommand } from "./policyHits.ts";
import { policyTestCommand } from "./policyTest.ts";
import { policyUnusedCommand } from "./policyUnused.ts";
import { replaceCommand } from "./replace.ts";
import { statusCommand } from "./status.ts";
import { validateCommand } from "./validate.ts";
import { versionCommand } from "./version.ts";

export const commands: readonly CommandDefinition[] = [
  applyCommand,
  createCommand,
  replaceCommand,
  deleteCommand,
  validateCommand,
  getCommand,
  statusCommand,
  bgpSummaryCommand,
  bgpPeersCommand,
  bgpPeerCommand,
  bgpJournalCommand,
  bgpRoutesCommand,
  ...bgpRouteListCommands,
  bgpResetCommand,
  bgpRefreshCommand,
  bgpMaintenanceCommand,
  bgpDumpCommand,
  bgpRecordCommand,
  bgpReloadCommand,
  ipamShowCommand,
  ipamCheckCommand,
  ipamReleaseCommand,
  ipamConfigureCommand,
  ipamMigrateCommand,
  ipamSplitCommand,
  policyExplainCommand,
  policyEffectiveCommand,
  policyHitsCommand,
  policyDiffCommand,
  policyTestCommand,
  policyUnusedCommand,
  flowsCommand,
  ...datastoreCommands,
  versionCommand,
];

/** What the first words of commands of several words are about. */
export const groups: Readonly<Record<string, string>> = {
  datastore: "locking, copying and unlocking the datastore",
  "datastore migrate": "the same, under the names that calicoctl has",
  bgp: "sessions and routes of this node",
  ipam: "addresses of pods",
  policy: "what policy means",
};
