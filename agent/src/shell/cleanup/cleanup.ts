/** `brindle cleanup`: a node without Brindle, as it was before it. Doing it again does nothing. */
import { readdir, rm, rmdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { ControlError, isKernelError, type Link } from "@brindle/net";
import {
  callControl,
  type IpsetSocket,
  openIpsetSocket,
  openRouteSocket,
  openTables,
  type RouteSocket,
  writeSysctl,
} from "@brindle/net/shell";
import { type CleanupStep, describeStep, planCleanup, podLinks } from "../../cleanup/plan.ts";
import { AgentError, messageOf } from "../../error.ts";
import { type CleanupFolders, readCleanupFacts } from "./facts.ts";
import { doPendingDels, type PendingOptions, pendingKeys } from "./pending.ts";

export interface CleanupOptions extends CleanupFolders, PendingOptions {
  readonly dryRun: boolean;
  /** Also the interfaces of pods that run. */
  readonly pods: boolean;
  /** Drops what deletions of pods are left and cannot be done. */
  readonly abandon: boolean;
}

export interface CleanupPorts {
  print(text: string): void;
}

/** Rejects with an `AgentError` where nothing is done, in words; answers whether all was done. */
export async function cleanUp(options: CleanupOptions, ports: CleanupPorts): Promise<boolean> {
  await refuseBesideAgent(`${options.runDirectory}/agent.sock`);
  using routes = await openRouteSocket();
  using sets = await openIpsetSocket();
  const facts = await readCleanupFacts(options, { routes, sets });
  refuseUnderPods(podLinks(facts.links), options);
  const steps = planCleanup(facts);
  const pending = await pendingKeys(options.pendingDirectory);
  if (steps.length + pending.length === 0) {
    ports.print("nothing of Brindle is on this node");
    return true;
  }
  if (options.dryRun) {
    for (const key of pending) ports.print(`would do the kept deletion of ${key}`);
    for (const step of steps) ports.print(`would ${verbOf(step)} ${describeStep(step)}`);
    return true;
  }
  await settle(pending, options, ports);
  // Awaited here: the sockets end with this function.
  return await performAll(steps, { routes, sets }, ports);
}

/** Its kernel state is in use, and it would put back what is taken away. */
async function refuseBesideAgent(socketPath: string): Promise<void> {
  try {
    await callControl(socketPath, "status", {}, { timeoutMs: 2_000 });
  } catch (error) {
    const isAway = error instanceof ControlError && error.code === "NOT_LISTENING";
    if (isAway) return;
  }
  const reason = `an agent runs on this node (${socketPath}): end it for good first, as by kubectl delete -f brindle.yaml`;
  throw new AgentError({ code: "UNSUITABLE_MACHINE", reason });
}

function refuseUnderPods(links: readonly Link[], { pods }: CleanupOptions): void {
  if (pods || links.length === 0) return;
  const names = links.slice(0, 5).map(({ name }) => name);
  const more = links.length > names.length ? ` and ${links.length - names.length} more` : "";
  const reason = `${links.length} pods of this node still have their network of Brindle (${names.join(", ")}${more}): drain the node, or cut them off with --pods`;
  throw new AgentError({ code: "UNSUITABLE_MACHINE", reason });
}

/** First of all, as long as there is something with which it can be done. */
async function settle(pending: readonly string[], options: CleanupOptions, ports: CleanupPorts): Promise<void> {
  if (pending.length === 0) return;
  const { done, moot, failed } = await doPendingDels(options);
  for (const key of done) ports.print(`did the kept deletion of ${key}`);
  for (const key of moot) ports.print(`dropped the kept deletion of ${key}: the datastore holds no addresses any more`);
  if (failed.length === 0) return;
  const reason = `${failed.length} kept deletions of pods cannot be done: ${failed[0]?.reason}. Their addresses would stay taken until the controllers collect them; --abandon goes on all the same`;
  if (!options.abandon) throw new AgentError({ code: "UNSUITABLE_MACHINE", reason });
  for (const { key } of failed) ports.print(`dropped the kept deletion of ${key}`);
}

interface Kernel {
  readonly routes: RouteSocket;
  readonly sets: IpsetSocket;
}

/** What fails holds up nothing else, and is told. */
async function performAll(steps: readonly CleanupStep[], kernel: Kernel, ports: CleanupPorts): Promise<boolean> {
  let isWhole = true;
  for (const step of steps) {
    try {
      await perform(step, kernel);
      ports.print(`${verbOf(step)}d ${describeStep(step)}`);
    } catch (error) {
      isWhole = false;
      ports.print(`FAILED to ${verbOf(step)} ${describeStep(step)}: ${messageOf(error)}`);
    }
  }
  return isWhole;
}

function verbOf({ op }: CleanupStep): "remove" | "restore" {
  return op === "restoreSysctl" ? "restore" : "remove";
}

async function perform(step: CleanupStep, { routes, sets }: Kernel): Promise<void> {
  switch (step.op) {
    case "removeFile":
      return rm(step.path, { force: true });
    case "removeFolder":
      return removeFolder(step.path);
    case "removeLink":
      return unlessGone(routes.deleteLink({ index: step.link.index }));
    case "removeRoute": {
      const { destination, source, kind, table, metric, protocol } = step.route;
      return unlessGone(routes.deleteRoute({ destination, source, kind, table, metric, protocol }));
    }
    case "removeChains": {
      const { family, backend, table, hooks, chains } = step;
      return openTables({ family, backend }).commit([{ table, hooks, deletedChains: chains }]);
    }
    case "removeSet":
      return destroySet(step.name, sets);
    case "restoreSysctl":
      return writeSysctl(step.path, step.value);
  }
}

/** Where it is mounted it cannot go itself. */
async function removeFolder(path: string): Promise<void> {
  for (const name of await readdir(path)) await rm(`${path}/${name}`, { recursive: true, force: true });
  await rmdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EBUSY" && error.code !== "ENOENT") throw error;
  });
}

const busyMsMax = 5_000;

/** The kernel lets go of rules that are gone a moment later. */
async function destroySet(name: string, sets: IpsetSocket): Promise<void> {
  const deadlineMs = performance.now() + busyMsMax;
  for (;;) {
    try {
      return await sets.destroy(name);
    } catch (error) {
      if (!isKernelError(error, "BUSY") || performance.now() > deadlineMs) throw error;
      await delay(20);
    }
  }
}

async function unlessGone(change: Promise<void>): Promise<void> {
  try {
    await change;
  } catch (error) {
    if (!isKernelError(error, "NOT_FOUND")) throw error;
  }
}
