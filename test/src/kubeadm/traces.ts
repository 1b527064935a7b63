/** What a cluster could leave on a machine. */
import { glob, readdir, readFile } from "node:fs/promises";
import { exec } from "../fixtures/command.ts";
import { registryRoot } from "../fixtures/instance.ts";

/** Empty where nothing is left of the cluster. */
export async function tracesOf(id: string): Promise<string[]> {
  const namespaces = (await exec("ip", ["netns", "list"])).split("\n").filter((line) => line.startsWith(`br${id}-`));
  const registry = (await readdir(registryRoot).catch(() => [])).filter((name) => name === id);
  const folders = (await readdir("/var/tmp")).filter((name) => name.startsWith(`brindle-${id}-`));
  const cgroups = await Array.fromAsync(glob(`/sys/fs/cgroup/*/brindle-${id}`));
  return [...namespaces, ...registry, ...folders, ...cgroups, ...(await processesThatMount(`brindle-${id}-`))];
}

/** Settings of the whole machine that a kubelet, a kube-proxy or we might change. */
export async function machineSettings(): Promise<Record<string, string>> {
  const names = [
    "fs/inotify/max_user_instances",
    "fs/inotify/max_user_watches",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
    "net/ipv4/ip_forward",
    "net/netfilter/nf_conntrack_max",
  ];
  const read = (name: string) => readFile(`/proc/sys/${name}`, "utf8").catch(() => "absent");
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await read(name)])));
}

/** A process that lived on would hold the mounts of its node. */
async function processesThatMount(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const mounts = await readFile(`/proc/${pid}/mounts`, "utf8").catch(() => "");
    if (mounts.includes(folder))
      found.push(`process ${pid}: ${await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")}`);
  }
  return found;
}
