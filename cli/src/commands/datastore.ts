/** Locking, copying and unlocking a datastore; each also under the name that calicoctl has for it. */

import { Option } from "commander";
import type { CommandDefinition } from "../command.ts";

interface ImportOptions {
  readonly filename: string;
}

const exportCommand: CommandDefinition = {
  name: "datastore export",
  summary: "print all that the datastore holds, to import it elsewhere",
  details:
    "The datastore has to be locked. The text has the form of `calicoctl datastore migrate export`, so that calicoctl can " +
    "import it too; what calicoctl does not carry over (endpoints, profiles, FabricPeers, AgentConfigurations) stands in " +
    "lines that it takes for comments. Nodes get the names that Kubernetes has for them.",
  examples: [{ line: "brindlectl datastore export > datastore.yaml", does: "save it" }],
  declare: () => {},
  async run(_args, _options, ports) {
    const { exportDatastore } = await import("../datastore/run.ts");
    return exportDatastore(ports);
  },
};

const importCommand: CommandDefinition<readonly [], ImportOptions> = {
  name: "datastore import",
  summary: "write what was exported into an empty datastore",
  details:
    "Takes the files of `brindlectl datastore export` and of `calicoctl datastore migrate export`. What is there already " +
    "and equal counts as done, so that an import which was interrupted can be repeated; where something differs, nothing " +
    "is written. The datastore is locked by it, and stays so.",
  examples: [
    {
      line: "DATASTORE_TYPE=kubernetes brindlectl datastore import -f datastore.yaml",
      does: "from etcd to Kubernetes",
    },
  ],
  declare(command) {
    const description = "the file of the export, or - for standard input";
    command.addOption(new Option("-f, --filename <path>", description).makeOptionMandatory());
  },
  async run(_args, { filename }, ports) {
    const { importDatastore } = await import("../datastore/run.ts");
    return importDatastore(filename, ports);
  },
};

const lockCommand: CommandDefinition = {
  name: "datastore lock",
  summary: "let no new pod take an address until the datastore is unlocked",
  details: "What runs goes on. Resources may still be written; agents, also Calico's, wire no new pod.",
  examples: [{ line: "brindlectl datastore lock", does: "before an export" }],
  declare: () => {},
  async run(_args, _options, ports) {
    const { lockDatastore } = await import("../datastore/run.ts");
    return lockDatastore(true, ports);
  },
};

const unlockCommand: CommandDefinition = {
  name: "datastore unlock",
  summary: "let agents work with the datastore",
  details: "The end of `brindlectl datastore lock`, and the last step after `brindlectl datastore import`.",
  examples: [{ line: "brindlectl datastore unlock", does: "after an import" }],
  declare: () => {},
  async run(_args, _options, ports) {
    const { lockDatastore } = await import("../datastore/run.ts");
    return lockDatastore(false, ports);
  },
};

const ownNames: readonly CommandDefinition[] = [
  exportCommand,
  importCommand as CommandDefinition,
  lockCommand,
  unlockCommand,
];

export const datastoreCommands: readonly CommandDefinition[] = [...ownNames, ...ownNames.map(calicoctlName)];

function calicoctlName(command: CommandDefinition): CommandDefinition {
  const migrate = (text: string) => text.replace("datastore ", "datastore migrate ");
  return {
    ...command,
    name: migrate(command.name),
    examples: command.examples.map(({ line, does }) => ({ line: migrate(line), does })),
  };
}
