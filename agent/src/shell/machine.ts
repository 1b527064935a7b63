/** Looks at the machine: whether it can run an agent at all, and what of kernel and container an agent must do without. */
import { access, readdir, readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { isKernelError, type KernelFailure } from "@brindle/net";
import { type IpsetSocket, listChains, type RouteSocket, type Tables } from "@brindle/net/shell";
import { AgentError, messageOf } from "../error.ts";
import type { NetworkListFile } from "../node/chainedPlugins.ts";
import { featuresOf, type MachineFacts } from "../node/machineMistakes.ts";
import { felixRouteProtocol, type NetworkTraces } from "../node/otherNetworks.ts";

const commands = ["iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore"];

/** What no waiting mends. */
export function checkProcess(): void {
  if (process.platform !== "linux") throw unsuitable("the agent runs on Linux alone");
  if (process.geteuid?.() !== 0) throw unsuitable("the agent changes the node's network: run it as root");
}

export async function missingCommands(): Promise<string[]> {
  const missing: string[] = [];
  for (const command of commands) if (!(await isInstalled(command))) missing.push(command);
  return missing;
}

async function isInstalled(command: string): Promise<boolean> {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const found = await Promise.allSettled(folders.map((folder) => access(join(folder, command))));
  return found.some(({ status }) => status === "fulfilled");
}

/** Nothing is made: the kernel looks for the kind first, and refuses the size then (rtnl_create_link). */
export async function vethFailure(
  kernel: Pick<RouteSocket, "createLink" | "deleteLink">,
): Promise<KernelFailure | null> {
  const name = "brdl-probe";
  try {
    await kernel.createLink({ kind: "veth", name, mtu: 70_000, peer: { name: "brdl-probe-peer" } });
  } catch (error) {
    if (!isKernelError(error)) throw error;
    return error.failure.code === "INVALID" ? null : error.failure;
  }
  await kernel.deleteLink({ name });
  return null;
}

const probeChain = "BRDL-probe";
const probeSet = "brdl-probe";

/** One rule after the other in a chain that nothing leads to; asked only when rules are refused, so that a start writes nothing. */
export async function lackingFeatures(
  tables: readonly Tables[],
  sets: Pick<IpsetSocket, "apply">,
): Promise<MachineFacts["lacking"]> {
  const lacking: MachineFacts["lacking"][number][] = [];
  const attempt = async (module: string, work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      if (!isKernelError(error)) throw error;
      lacking.push({ module, failure: error.failure });
      return false;
    }
  };
  for (const each of tables) {
    const setName = `${probeSet}-${each.family}`;
    const hasSet = await attempt("ip_set_hash_net", async () => {
      const set = { name: setName, type: "hash:net", family: each.family } as const;
      const changes = [{ op: "destroy", name: setName } as const, { op: "create", set } as const];
      const refusal = (await sets.apply(changes)).find((refused) => refused !== null);
      if (refusal) throw refusal;
    });
    const base = each.backend === "nft" ? "nf_tables" : "ip_tables";
    const probe = (table: "filter" | "nat", rules: readonly (readonly string[])[]): Promise<void> =>
      each.commit([{ table, chains: [{ name: probeChain, rules }] }]);
    if (await attempt(base, () => probe("filter", []))) {
      for (const { module, table, rule } of featuresOf(each.family, setName)) {
        if (module !== "xt_set" || hasSet) await attempt(module, () => probe(table, [rule]));
      }
      for (const table of ["filter", "nat"] as const) {
        await each.commit([{ table, deletedChains: [probeChain] }]).catch(() => {}); // It was not made there.
      }
    }
    if (hasSet) await sets.apply([{ op: "destroy", name: setName }]);
  }
  return lacking;
}

/** Signs of other networks in the kernel. */
export async function networkTraces(kernel: Pick<RouteSocket, "links" | "routes">): Promise<NetworkTraces> {
  const [links, routes, chains] = await Promise.all([
    kernel.links(),
    kernel.routes({ protocol: felixRouteProtocol }),
    Promise.all(([4, 6] as const).map((family) => listChains(family))),
  ]);
  return {
    interfaces: links.map(({ name }) => name),
    routeProtocols: routes.length > 0 ? [felixRouteProtocol] : [],
    chains: [...new Set(chains.flat())],
  };
}

/** The lists of networks in a folder; none where there is no such folder yet. */
export async function networkListFiles(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return [];
    throw unsuitable(`${directory} cannot be read: ${messageOf(error)}`);
  }
}

/** Those lists with what is in them; one that goes meanwhile is left out. */
export async function readNetworkLists(directory: string): Promise<readonly NetworkListFile[]> {
  const names = (await networkListFiles(directory)).filter((name) => /\.(conflist|conf|json)$/.test(name));
  const read = names.map(async (name) => ({
    name,
    text: await readFile(join(directory, name), "utf8").catch(() => null),
  }));
  return (await Promise.all(read)).flatMap(({ name, text }) => (text === null ? [] : [{ name, text }]));
}

function unsuitable(reason: string): AgentError {
  return new AgentError({ code: "UNSUITABLE_MACHINE", reason });
}
