import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Outcome } from "../fixtures/command.ts";
import { FixtureError } from "../fixtures/error.ts";
import { type Etcd, startEtcd } from "../fixtures/etcd.ts";
import type { Instance } from "../fixtures/instance.ts";
import { type NodeAgent, startAgent } from "./agent.ts";
import { fabricResources } from "./resources.ts";
import { Runtime } from "./runtime.ts";
import { toolPath, writeTools } from "./tools.ts";
import { type BuiltFabric, buildFabric } from "./topology/build.ts";
import type { Fabric } from "./topology/fabric.ts";
import { management, planFabric } from "./topology/plan.ts";

/** A fabric with a datastore, an agent a node, and the operator's resources in place. */
export interface Lab {
  readonly instance: Instance;
  readonly fabric: BuiltFabric;
  readonly etcd: Etcd;
  readonly runtime: Runtime;
  readonly agents: Map<string, NodeAgent>;
  /** Starts the agent of a node again, after it was killed. */
  restartAgent(node: string): Promise<void>;
  /** Runs what a person would type in a shell of that machine. */
  type(machine: string, command: string, input?: string): Promise<Outcome>;
}

/** What other processes (`npm run lab -- shell node1`) need to find the machines. */
export interface LabState {
  readonly machines: readonly { readonly name: string; readonly namespace: string; readonly holderPid?: number }[];
}

export async function startLab(fabric: Fabric, instance: Instance, progress: (line: string) => void): Promise<Lab> {
  const plan = planFabric(fabric);
  const built = await buildFabric(plan, instance);
  progress(`${plan.machines.length} machines, ${plan.routers.length} routers`);
  const etcd = await startEtcd({
    namespace: built.machine(management.machine).namespace,
    listen: management.address,
    instance,
  });
  progress(`etcd at ${etcd.endpoint}`);
  await writeTools(instance.directory, built, etcd.endpoint);
  await writeState(instance.directory, built);

  const agents = new Map<string, NodeAgent>();
  const lab: Lab = {
    instance,
    fabric: built,
    etcd,
    runtime: new Runtime(instance, built.machine),
    agents,
    async restartAgent(name) {
      const node = plan.nodes.find((candidate) => candidate.name === name);
      if (!node) throw new TypeError(`no node is called ${name}`);
      agents.set(name, await startAgent(built.machine(name), node, etcd.endpoint));
    },
    type(machine, command, input) {
      const env = { PATH: toolPath(instance.directory, machine) };
      return built.machine(machine).run("/bin/sh", ["-c", command], { env, ...(input === undefined ? {} : { input }) });
    },
  };
  const applied = await lab.type(management.machine, "brindlectl apply -f -", fabricResources(fabric, plan));
  if (applied.exitCode !== 0) {
    throw new FixtureError({ code: "COMMAND_FAILED", command: "brindlectl apply -f -", ...applied });
  }
  progress(`the operator's resources: ${applied.stdout.trim().split("\n").length} applied`);
  await Promise.all(plan.nodes.map((node) => lab.restartAgent(node.name)));
  progress(`${agents.size} agents`);
  return lab;
}

async function writeState(directory: string, fabric: BuiltFabric): Promise<void> {
  const machines = fabric.machines.map(({ name, namespace, holderPid }) => {
    return { name, namespace: namespace.name, ...(holderPid === undefined ? {} : { holderPid }) };
  });
  const state: LabState = { machines };
  await writeFile(join(directory, "state.json"), JSON.stringify(state));
}

export async function readState(directory: string): Promise<LabState> {
  return JSON.parse(await readFile(join(directory, "state.json"), "utf8"));
}
