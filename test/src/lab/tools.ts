import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BuiltFabric } from "./topology/build.ts";
import { management } from "./topology/plan.ts";

const brindlectl = fileURLToPath(new URL("../../../cli/bin/brindlectl.js", import.meta.url));

/**
 * Commands that a person types without thinking where a socket or a datastore is: `birdc` on tor-a, `brindlectl` on a
 * node. One small script each, in a folder a machine, which stands first in the PATH of that machine's shell.
 */
export async function writeTools(directory: string, fabric: BuiltFabric, etcd: string): Promise<void> {
  for (const router of fabric.routers) await writeTool(toolFolder(directory, router.name), router.tool);
  for (const name of [management.machine, ...fabric.plan.nodes.map((node) => node.name)]) {
    const folder = toolFolder(directory, name);
    await writeTool(folder, ["etcdctl", `--endpoints=${etcd}`]);
    await writeTool(folder, [process.execPath, brindlectl, "--etcd", etcd], "brindlectl");
  }
}

export function toolFolder(directory: string, machine: string): string {
  return join(directory, "bin", machine);
}

export function toolPath(directory: string, machine: string): string {
  return `${toolFolder(directory, machine)}:${process.env.PATH}`;
}

async function writeTool(folder: string, command: readonly string[], name: string = command[0] ?? ""): Promise<void> {
  const [program = "", ...args] = command;
  const line = [program.startsWith("/") ? program : inPath(program), ...args].map(quote).join(" ");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), `#!/bin/sh\nexec ${line} "$@"\n`);
  await chmod(join(folder, name), 0o755);
}

/** The whole path: the script has the program's own name and must not call itself. */
function inPath(program: string): string {
  const folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path)) ?? program;
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
