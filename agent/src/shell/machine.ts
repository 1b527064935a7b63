/** Says in one sentence why a machine cannot run an agent, before anything is touched. */
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { AgentError } from "../error.ts";

const commands = ["iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore"];

export async function checkMachine(): Promise<void> {
  if (process.platform !== "linux") throw unsuitable("the agent runs on Linux alone");
  if (process.geteuid?.() !== 0) throw unsuitable("the agent changes the node's network: run it as root");
  const missing: string[] = [];
  for (const command of commands) if (!(await isInstalled(command))) missing.push(command);
  if (missing.length > 0) {
    throw unsuitable(`${missing.join(", ")} cannot be found: install the package iptables on this node`);
  }
}

async function isInstalled(command: string): Promise<boolean> {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const found = await Promise.allSettled(folders.map((folder) => access(join(folder, command))));
  return found.some(({ status }) => status === "fulfilled");
}

function unsuitable(reason: string): AgentError {
  return new AgentError({ code: "UNSUITABLE_MACHINE", reason });
}
