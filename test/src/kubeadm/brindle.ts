/** Brindle on a cluster as people bring it there: the image loaded, one manifest applied. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openInstance } from "../fixtures/instance.ts";
import type { AuditedRequest } from "../fixtures/kube/audit.ts";
import { type Cluster, openCluster } from "../fixtures/kubeadm/cluster.ts";
import type { ClusterOptions } from "../fixtures/kubeadm/plan.ts";
import { type OwnCluster, startCluster } from "../fixtures/kubeadm/startCluster.ts";
import { buildImage } from "../image/buildImage.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
export const manifest: string = join(root, "manifests/brindle.yaml");
export const kustomization: string = join(root, "manifests/kubernetes");
export const namespace = "brindle-system";

/** The archive of this tree, made anew in `folder`, unless `BRINDLE_IMAGE` names one that was made for this run. */
export async function brindleImage(folder: string): Promise<string> {
  const { BRINDLE_IMAGE: made } = process.env;
  if (made !== undefined) return made;
  const out = join(folder, "brindle.tar");
  await buildImage({ root, out, name: "localhost/brindle" });
  return out;
}

export interface BrindleCluster extends OwnCluster {
  readonly applied: Applied;
}

/** A cluster with the image on every node, and `manifests/brindle.yaml` applied. Over when all of it is ready. */
export async function startBrindleCluster(options: ClusterOptions = {}): Promise<BrindleCluster> {
  const { BRINDLE_ON_CLUSTER: given } = process.env;
  if (given !== undefined) return openBrindleCluster(given);
  await using undo = new AsyncDisposableStack();
  const cluster = undo.use(await startClusterWithImage(options));
  const applied = await applyBrindle(cluster);
  const made = undo.move();
  return { ...cluster, applied, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

/**
 * What `startBrindleCluster` gives, of the cluster that `BRINDLE_ON_CLUSTER` names and `npm run cluster` has made, which
 * stays: for who writes a test and does not want to wait for a cluster each time.
 */
async function openBrindleCluster(id: string): Promise<BrindleCluster> {
  const cluster = await openCluster(id);
  const applied = await applyBrindle(cluster);
  return { ...cluster, applied, [Symbol.asyncDispose]: async () => {} };
}

/** The same before anything is applied: its nodes wait for a network. */
export async function startClusterWithImage(options: ClusterOptions = {}): Promise<OwnCluster> {
  await using undo = new AsyncDisposableStack();
  await using instance = await openInstance();
  const building = instance.createDirectory("image", "/var/tmp").then(brindleImage);
  // Whatever becomes of the image, the cluster is in hand before anything is thrown.
  const [starting, image] = await Promise.allSettled([startCluster(options), building]);
  if (starting.status === "rejected") throw starting.reason;
  const cluster = undo.use(starting.value);
  if (image.status === "rejected") throw image.reason;
  await cluster.load([image.value]);
  const made = undo.move();
  return { ...cluster, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

export interface Applied {
  /** From the call of `kubectl apply` on. */
  readonly nodesReadyMs: number;
  readonly agentsReadyMs: number;
  readonly controllersReadyMs: number;
}

export async function applyBrindle(cluster: Cluster): Promise<Applied> {
  const startMs = performance.now();
  await cluster.kubectl(["apply", "-f", manifest], { deadlineMs: 60_000 });
  return brindleReady(cluster, startMs);
}

/** Nodes, agents and controllers, since `startMs`. */
export async function brindleReady({ kubectl }: Cluster, startMs: number): Promise<Applied> {
  const after = async (args: readonly string[]): Promise<number> => {
    await kubectl([...args, "--timeout=60s"], { deadlineMs: 70_000 });
    return Math.round(performance.now() - startMs);
  };
  const [nodesReadyMs, agentsReadyMs, controllersReadyMs] = await Promise.all([
    after(["wait", "--for=condition=Ready", "node", "--all"]),
    after(["rollout", "status", "daemonset/brindle-agent", "-n", namespace]),
    after(["rollout", "status", "deployment/brindle-controllers", "-n", namespace]),
  ]);
  return { nodesReadyMs, agentsReadyMs, controllersReadyMs };
}

/** What was asked of the API server by what the manifest starts. */
export async function requestsOfBrindle(cluster: Cluster): Promise<AuditedRequest[]> {
  const requests = await cluster.requests();
  return requests.filter(({ user }) => user.startsWith(`system:serviceaccount:${namespace}:`));
}

/** What agents have asked, watches aside. */
export async function requestsOfAgents(cluster: Cluster): Promise<AuditedRequest[]> {
  const requests = await requestsOfBrindle(cluster);
  return requests.filter(({ user, verb }) => user.endsWith(":brindle-agent") && verb !== "watch");
}
