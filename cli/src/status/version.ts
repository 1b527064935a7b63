/** `version`: brindlectl's, and that of the agent where one listens. */
import { ControlError } from "@brindle/net";
import { agentStatus } from "../agent.ts";
import type { ExitCode } from "../command.ts";
import { formatCells } from "../output/table.ts";
import type { Ports } from "../ports.ts";

export async function showVersion(ports: Ports): Promise<ExitCode> {
  const agent = await agentVersion(ports);
  ports.print(
    formatCells([
      ["Client:", ports.version],
      ["Agent:", agent],
    ]),
  );
  return 0;
}

/** Most machines that have brindlectl have no agent: that is no failure. */
async function agentVersion(ports: Ports): Promise<string> {
  try {
    const { version, nodeName } = await agentStatus(ports);
    return `${version} (${nodeName})`;
  } catch (error) {
    if (error instanceof ControlError && error.code === "NOT_LISTENING") return `none at ${ports.socketPath}`;
    throw error;
  }
}
