import type { CommandDefinition } from "../command.ts";

export const versionCommand: CommandDefinition<readonly [], object> = {
  name: "version",
  summary: "show the versions of brindlectl and of this node's agent",
  details: "The agent is asked over its socket; where none listens, the client's version is shown alone.",
  examples: [{ line: "brindlectl version", does: "both versions" }],
  declare() {},
  async run(_args, _options, ports) {
    const { showVersion } = await import("../status/version.ts");
    return showVersion(ports);
  },
};
