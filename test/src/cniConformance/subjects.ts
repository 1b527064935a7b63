/** Whom rules are tried on: ours with an agent and its datastore, Debian's, or whatever executable somebody names. */
import { readFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { startStand } from "../agent/stand.ts";
import type { Instance } from "../fixtures/instance.ts";
import { list } from "../fixtures/json.ts";
import { createNamespace } from "../fixtures/namespace.ts";
import { holdMounts, type Machine, machineAt } from "../lab/topology/machine.ts";
import type { Subject } from "./subject.ts";

type Config = Readonly<Record<string, unknown>>;

const ourExecutable = fileURLToPath(new URL("../../../cni/shim/build/brindle", import.meta.url));
const ourList = fileURLToPath(new URL("../../../manifests/10-brindle.conflist", import.meta.url));
const debianFolder = "/usr/lib/cni";

/** A node with its agent, etcd and a router; it goes with the instance that is answered. */
export async function ourSubject(): Promise<{ readonly subject: Subject; readonly instance: Instance }> {
  const { instance, fabric } = await startStand();
  const config = await readConfig(ourList, "brindle");
  return { instance, subject: { name: "brindle", plugin: ourExecutable, config, machine: fabric.machine("node1") } };
}

/** With addresses of both kinds of range that its kind takes, and as its own documentation has it. */
export async function debianSubject(type: "bridge" | "ptp", instance: Instance): Promise<Subject> {
  const config = {
    name: `conformance-${type}`,
    type,
    ...(type === "bridge" && { bridge: "cni0", isGateway: true, isDefaultGateway: true }),
    ipam: {
      type: "host-local",
      ranges: [[{ subnet: "10.88.0.0/16" }]],
      dataDir: "/run/host-local",
      ...(type === "ptp" && { routes: [{ dst: "0.0.0.0/0" }] }),
    },
  };
  return { name: type, plugin: `${debianFolder}/${type}`, config, machine: await emptyMachine(type, instance) };
}

export async function namedSubject(plugin: string, conf: string, instance: Instance): Promise<Subject> {
  const name = basename(plugin);
  const config = await readConfig(conf, name);
  return { name, plugin: resolve(plugin), config, machine: await emptyMachine(name, instance) };
}

/** A configuration of one plugin, or a list, of which the part of this type is meant. */
export async function readConfig(path: string, type: string): Promise<Config> {
  const { plugins, ...rest }: Config = JSON.parse(await readFile(path, "utf8"));
  if (plugins === undefined) return rest;
  const found = list(plugins).find((plugin) => (plugin as Config).type === type);
  if (!found) throw new RangeError(`${path} has no plugin of the type ${type}, which is what the executable is called`);
  return { name: rest.name, ...(found as Config) };
}

/** A network and files of its own, so that the machine beneath is left as it is. */
async function emptyMachine(label: string, instance: Instance): Promise<Machine> {
  const namespace = await createNamespace(`node-${label}`, { instance, forwarding: true });
  const holder = await holdMounts(namespace, await instance.createDirectory(label));
  return machineAt(`node-${label}`, namespace, holder.pid);
}
