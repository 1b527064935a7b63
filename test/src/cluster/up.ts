/** `npm run cluster -- up`: leaves a keeper behind that owns the cluster, and shows how it comes up. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FixtureError } from "../fixtures/error.ts";
import { ownerOf, registryRoot } from "../fixtures/instance.ts";
import { openCluster } from "../fixtures/kubeadm/cluster.ts";
import { preflightExceptions } from "../fixtures/kubeadm/documents.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { clusterInstance, type KeeperMessage, type KeeperRequest } from "./protocol.ts";

const keeper = fileURLToPath(new URL("keeper.ts", import.meta.url));

export async function up(request: KeeperRequest): Promise<void> {
  const startMs = performance.now();
  const say = (line: string): void => {
    console.log(`[${((performance.now() - startMs) / 1000).toFixed(1).padStart(5)} s] ${line}`);
  };
  await refuseSecond();
  for (const { check, reason } of preflightExceptions) say(`kubeadm's check ${check} is passed over: ${reason}`);
  const child = spawn(process.execPath, ["--conditions=brindle-source", keeper, JSON.stringify(request)], {
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    detached: true,
    cwd: "/",
  });
  // The keeper has a session of its own: an interrupt of this terminal reaches it by us.
  let interrupted = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      interrupted = true;
      child.kill("SIGTERM");
    });
  }
  try {
    await follow(child, say);
  } catch (error) {
    const directory = join(registryRoot, clusterInstance);
    await waitFor(() => !existsSync(directory), { what: "what was made is removed" });
    if (!interrupted) throw error;
    say("interrupted: what was made is removed");
    process.exitCode = 130;
    return;
  }
  child.disconnect();
  child.unref();

  const { kubeconfig, kubectlPath, plan } = await openCluster(clusterInstance);
  say(`The cluster is up, its nodes ${plan.cni === "none" ? "waiting for a network" : "Ready"}.`);
  console.log(`
export KUBECONFIG=${kubeconfig} PATH=${join(kubectlPath, "..")}:$PATH

npm run cluster -- kubectl get nodes     load ARCHIVE...     shell N     stop N     start N     status     down`);
}

function follow(child: ChildProcess, say: (line: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let reason = "The process that makes the cluster was ended; what it had made is removed.";
    child.on("message", (message: KeeperMessage) => {
      if (message.kind === "progress") say(message.line);
      else if (message.kind === "up") resolve();
      else reason = message.reason;
    });
    child.once("error", reject);
    child.once("exit", () => reject(new Error(reason)));
  });
}

async function refuseSecond(): Promise<void> {
  const owner = await ownerOf(clusterInstance);
  if (!owner?.alive) return;
  const isUp = existsSync(join(registryRoot, clusterInstance, "cluster.json"));
  throw new FixtureError({
    code: "EXPECTED",
    what: `There is one cluster of the name "${clusterInstance}": npm run cluster -- down ends it`,
    expected: "none",
    seen: isUp ? `one that is up, kept by process ${owner.pid}` : `one that is being made by process ${owner.pid}`,
  });
}
