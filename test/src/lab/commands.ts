import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { FixtureError } from "../fixtures/error.ts";
import { attachInstance, ownerOf, reap, registryRoot } from "../fixtures/instance.ts";
import { namespaceNamed } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { readState } from "./lab.ts";
import { Runtime } from "./runtime.ts";
import { toolPath } from "./tools.ts";
import { type Machine, machineAt } from "./topology/machine.ts";
import { startServer } from "./tour/pods.ts";

/** What a person does from another terminal while the lab is up. */
export const labInstance = "lab";
const directory = join(registryRoot, labInstance);

export async function shell(name: string): Promise<number> {
  const machines = await runningMachines();
  const machine = machines.find((candidate) => candidate.name === name) ?? (await podMachine(machines, name));
  const prompt = `${name}# `;
  const child = spawn("nsenter", [...machine.enter, "--", "bash", "--norc"], {
    stdio: "inherit",
    env: { ...process.env, PATH: toolPath(directory, name), PS1: prompt },
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode) => resolve(exitCode ?? 1));
  });
}

export async function status(): Promise<void> {
  const machines = await runningMachines();
  for (const machine of machines) {
    const addresses = await machine.exec("ip", ["-brief", "address", "show", "scope", "global"]);
    console.log(`${machine.name}\n${indent(addresses)}`);
  }
  for (const pod of await runtime(machines).pods()) {
    console.log(`pod ${pod.name} on ${pod.node}: ${pod.addresses.join(", ") || "not wired"}`);
  }
}

export async function podAdd(name: string, node: string, labels: readonly string[]): Promise<void> {
  const machines = await runningMachines();
  find(machines, node);
  const pod = await runtime(machines).add({ name, node, labels: Object.fromEntries(labels.map(parseLabel)) });
  await startServer(pod);
  console.log(`${pod.name} on ${pod.node}: ${pod.addresses.join(", ")}, greets on port 8080`);
}

export async function podDelete(name: string): Promise<void> {
  const pods = runtime(await runningMachines());
  await pods.remove(await pods.pod(name));
  console.log(`${name} is gone`);
}

/** The process that owns the lab is asked to end; what it leaves is removed. */
export async function takeDown(): Promise<void> {
  const owner = await ownerOf(labInstance);
  if (!owner) return console.log("The lab is not up.");
  if (owner.alive) process.kill(owner.pid, "SIGTERM");
  else await reap(labInstance);
  await waitFor(() => !existsSync(directory), { what: "the lab is gone", deadlineMs: 30_000 });
  console.log("The lab is gone.");
}

async function runningMachines(): Promise<Machine[]> {
  if (!existsSync(join(directory, "state.json"))) {
    throw new FixtureError({
      code: "EXPECTED",
      what: "The lab is not up: start it with `npm run lab` in another terminal",
      expected: join(directory, "state.json"),
      seen: "no such file",
    });
  }
  const { machines } = await readState(directory);
  return machines.map(({ name, namespace, holderPid }) => machineAt(name, namespaceNamed(namespace), holderPid));
}

async function podMachine(machines: readonly Machine[], name: string): Promise<Machine> {
  const pods = await runtime(machines).pods();
  const pod = pods.find((candidate) => candidate.name === name);
  if (pod) return machineAt(name, namespaceNamed(pod.namespace));
  return find(machines, name);
}

function runtime(machines: readonly Machine[]): Runtime {
  return new Runtime(attachInstance(labInstance), (node) => find(machines, node));
}

function find(machines: readonly Machine[], name: string): Machine {
  const machine = machines.find((candidate) => candidate.name === name);
  if (machine) return machine;
  const expected = machines.map((candidate) => candidate.name).join(", ");
  throw new FixtureError({ code: "EXPECTED", what: `no machine is called "${name}"`, expected, seen: name });
}

function parseLabel(label: string): [string, string] {
  const at = label.indexOf("=");
  if (at > 0) return [label.slice(0, at), label.slice(at + 1)];
  throw new FixtureError({ code: "EXPECTED", what: "a label has a key", expected: "key=value", seen: label });
}

function indent(text: string): string {
  return text.trimEnd().replaceAll(/^/gm, "  ");
}
