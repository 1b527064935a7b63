/** What of Brindle a node has. Reads only, but for what listing the legacy tables of a kernel without any would load. */
import { access, constants, readdir, readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { isKernelError } from "@brindle/net";
import { openTables, type RouteSocket, readSysctl } from "@brindle/net/shell";
import type { ChangedSysctl, CleanupFacts, FoundTable } from "../../cleanup/plan.ts";
import { AgentError } from "../../error.ts";
import { localRouteProtocol } from "../../wiring/plan.ts";
import { readSysctlRecord, sysctlRecordName } from "../sysctlRecord.ts";

export interface CleanupFolders {
  readonly cniConfigDirectory: string;
  readonly binDirectory: string;
  readonly runDirectory: string;
  readonly stateDirectory: string;
}

export interface CleanupKernel {
  readonly routes: Pick<RouteSocket, "links" | "routes">;
  readonly sets: { list(): Promise<readonly { readonly name: string }[]> };
}

export async function readCleanupFacts(folders: CleanupFolders, kernel: CleanupKernel): Promise<CleanupFacts> {
  const executable = join(folders.binDirectory, "brindle");
  const [networkLists, links, routes, tables, sets, hasExecutable, present] = await Promise.all([
    ownNetworkLists(folders.cniConfigDirectory),
    kernel.routes.links(),
    kernel.routes.routes({ protocol: localRouteProtocol }),
    foundTables(),
    kernel.sets.list(),
    exists(executable),
    Promise.all(
      [folders.runDirectory, folders.stateDirectory].map(async (path) => ((await exists(path)) ? [path] : [])),
    ),
  ]);
  return {
    networkLists,
    executable: hasExecutable ? executable : null,
    links,
    routes,
    tables,
    sets: sets.map(({ name }) => name),
    sysctls: changedSysctls(join(folders.stateDirectory, sysctlRecordName)),
    folders: present.flat(),
  };
}

/** Whatever they are called: those of which a plugin is ours. */
async function ownNetworkLists(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const own = await Promise.all(
    names.toSorted().map(async (name) => {
      const text = await readFile(join(directory, name), "utf8").catch(() => "");
      return namesOurPlugin(text) ? [join(directory, name)] : [];
    }),
  );
  return own.flat();
}

function namesOurPlugin(text: string): boolean {
  try {
    const { plugins, type } = JSON.parse(text) as { plugins?: { type?: unknown }[]; type?: unknown };
    return type === "brindle" || (plugins?.some((plugin) => plugin?.type === "brindle") ?? false);
  } catch {
    return false; // Half written, or no list at all: nobody's that we know.
  }
}

/** Both families in both forms: an agent of before may have chosen the other one. */
async function foundTables(): Promise<FoundTable[]> {
  const found: FoundTable[] = [];
  for (const family of [4, 6] as const) {
    for (const backend of ["nft", "legacy"] as const) {
      const command = `${family === 4 ? "iptables" : "ip6tables"}-${backend}-save`;
      if (!(await isInstalled(command)))
        throw new AgentError({ code: "UNSUITABLE_MACHINE", reason: `${command} is missing: rules cannot be found` });
      for (const table of ["filter", "nat", "mangle", "raw"] as const) {
        const saved = await save({ family, backend, table });
        if (saved) found.push({ family, backend, table: saved });
      }
    }
  }
  return found;
}

/** `null` where the kernel has no such backend, and so no rules of it. */
async function save({
  family,
  backend,
  table,
}: Pick<FoundTable, "family" | "backend"> & { readonly table: FoundTable["table"]["table"] }): Promise<
  FoundTable["table"] | null
> {
  try {
    return await openTables({ family, backend }).save(table);
  } catch (error) {
    if (isKernelError(error, "COMMAND_FAILED")) return null;
    throw error;
  }
}

function changedSysctls(record: string): ChangedSysctl[] {
  return [...readSysctlRecord(record)].flatMap(([name, { before, ours }]) => {
    const path = name as `net/${string}`;
    try {
      return [{ path, before, ours, now: readSysctl(path) }];
    } catch (error) {
      if (isKernelError(error, "NOT_FOUND")) return [];
      throw error;
    }
  });
}

async function isInstalled(command: string): Promise<boolean> {
  const paths = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, command));
  const found = await Promise.all(paths.map(exists));
  return found.includes(true);
}

async function exists(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}
