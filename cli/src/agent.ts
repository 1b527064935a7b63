/** Questions to the agent of this node. */
import type { AgentStatus } from "@brindle/api";
import { failed } from "./error.ts";
import type { Ports } from "./ports.ts";

export async function agentStatus(ports: Ports): Promise<AgentStatus> {
  return (await ports.callAgent("status", {})) as AgentStatus; // What the agent promises to answer.
}

/** Agents are reached over the socket of their own node alone, so another node's name is a mistake to tell of. */
export async function expectNode(node: string | undefined, ports: Ports): Promise<void> {
  if (node === undefined) return;
  const { nodeName } = await agentStatus(ports);
  if (nodeName === node) return;
  throw failed(`the agent at ${ports.socketPath} is that of ${nodeName}, not of ${node}: run brindlectl on ${node}`);
}
