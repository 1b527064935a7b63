/** What a person does with the cluster while it is up. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { FixtureError } from "../fixtures/error.ts";
import { ownerOf, reap, registryRoot } from "../fixtures/instance.ts";
import { field, list, text } from "../fixtures/json.ts";
import { type Cluster, nodeOf, openCluster, stateFile } from "../fixtures/kubeadm/cluster.ts";
import { parseSessions } from "../fixtures/routers/bird.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { clusterInstance } from "./protocol.ts";

/** npm changes to the root of the tree; paths are meant from where it was called. */
const callerDirectory = process.env.INIT_CWD ?? process.cwd();

export async function status(): Promise<void> {
  const cluster = await running();
  const { nodes: count, proxy, cni, podSubnets } = cluster.plan;
  console.log(`${count} nodes, proxy ${proxy}, cni ${cni}, pods ${podSubnets.join(", ")}`);
  console.log(`export KUBECONFIG=${cluster.kubeconfig}`);
  const conditions = await readyConditions(cluster).catch(() => null);
  const conditionOf = (name: string): string =>
    conditions === null ? "the API server does not answer" : (conditions.get(name) ?? "not registered");
  for (const node of cluster.nodes) {
    const power = node.running ? "runs" : "powered off";
    console.log(`  ${node.name}  ${node.ipv4}  ${node.ipv6}  ${power}  ${conditionOf(node.name)}`);
  }
  for (const { neighbor, state, received } of parseSessions(await cluster.tor.birdc("show protocols all"))) {
    console.log(`  tor to ${neighbor}: ${state}, ${received} routes`);
  }
}

export async function load(archives: readonly string[]): Promise<void> {
  const cluster = await running();
  const startMs = performance.now();
  await cluster.load(archives.map((archive) => resolve(callerDirectory, archive)));
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${archives.join(", ")}: on every node that runs, after ${seconds} s`);
}

export async function stop(number: number): Promise<void> {
  await nodeOf(await running(), number).stop();
  console.log(`node${number} is powered off`);
}

export async function start(number: number): Promise<void> {
  await nodeOf(await running(), number).start();
  console.log(`node${number} has booted; its kubelet reports by itself`);
}

export async function restart(number: number, service: "kubelet" | "containerd"): Promise<void> {
  const node = nodeOf(await running(), number);
  await (service === "kubelet" ? node.restartKubelet() : node.restartContainerd());
  console.log(`${service} of node${number} is restarted`);
}

/** Answers its exit code. What stands on the terminal or comes through a pipe is kubectl's. */
export async function kubectl(args: readonly string[]): Promise<number> {
  const cluster = await running();
  return attached(cluster.kubectlPath, [`--kubeconfig=${cluster.kubeconfig}`, ...args]);
}

export async function shell(where: string, command: readonly string[]): Promise<number> {
  const cluster = await running();
  const inside = where === "tor" ? atRouter(cluster.tor.birdcCommand, command) : command;
  const env = { PS1: `${/^\d+$/.test(where) ? `node${where}` : where}# ` };
  return attached(
    "nsenter",
    [...placeOf(cluster, where), "--", ...(inside.length > 0 ? inside : ["bash", "--norc"])],
    env,
  );
}

/** There `birdc` is that of the cluster's router, whose socket is not where it looks by itself. */
function atRouter(birdc: readonly string[], command: readonly string[]): readonly string[] {
  if (command[0] === "birdc") return [...birdc, ...command.slice(1)];
  if (command.length > 0) return command;
  return ["bash", "--norc", "-c", `birdc() { command ${birdc.join(" ")} "$@"; }; export -f birdc; exec bash --norc`];
}

/** The process that owns the cluster is asked to end; what it leaves is removed. */
export async function down(): Promise<void> {
  const startMs = performance.now();
  const owner = await ownerOf(clusterInstance);
  if (!owner) return console.log("No cluster is up.");
  if (owner.alive) process.kill(owner.pid, "SIGTERM");
  else await reap(clusterInstance);
  const directory = join(registryRoot, clusterInstance);
  await waitFor(() => !existsSync(directory), { what: "the cluster is gone" });
  console.log(`The cluster is gone, after ${((performance.now() - startMs) / 1000).toFixed(1)} s.`);
}

async function running(): Promise<Cluster> {
  if (existsSync(stateFile(clusterInstance))) return openCluster(clusterInstance);
  throw new FixtureError({
    code: "EXPECTED",
    what: "A cluster is up; npm run cluster -- up makes one",
    expected: stateFile(clusterInstance),
    seen: "no such file",
  });
}

async function readyConditions(cluster: Cluster): Promise<Map<string, string>> {
  const nodes = JSON.parse(await cluster.kubectl(["get", "nodes", "-o", "json"]));
  return new Map(
    list(field(nodes, "items")).map((node) => {
      const ready = list(field(node, "status", "conditions")).find((condition) => field(condition, "type") === "Ready");
      const state = field(ready, "status") === "True" ? "Ready" : `not Ready: ${text(field(ready, "message"))}`;
      return [text(field(node, "metadata", "name")), state];
    }),
  );
}

/** Arguments of nsenter. */
function placeOf(cluster: Cluster, where: string): readonly string[] {
  if (where === "tor") return [`--net=${cluster.tor.namespace.path}`];
  if (where === "client") return [`--net=${cluster.client.path}`];
  return nodeOf(cluster, Number(where)).enter;
}

function attached(command: string, args: readonly string[], env: Record<string, string> = {}): Promise<number> {
  const child = spawn(command, args, { stdio: "inherit", cwd: callerDirectory, env: { ...process.env, ...env } });
  return new Promise((done, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode) => done(exitCode ?? 1));
  });
}
