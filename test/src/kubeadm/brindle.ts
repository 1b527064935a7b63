/** Brindle on a cluster as people bring it there: the image loaded, one manifest applied. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AuditedRequest } from "../fixtures/kube/audit.ts";
import type { Cluster } from "../fixtures/kubeadm/cluster.ts";
import { buildImage } from "../image/buildImage.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
export const manifest: string = join(root, "manifests/brindle.yaml");
export const kustomization: string = join(root, "manifests/kubernetes");
export const namespace = "brindle-system";

/** The archive, made anew in `folder`. */
export async function brindleImage(folder: string): Promise<string> {
  const out = join(folder, "brindle.tar");
  await buildImage({ root, out, name: "localhost/brindle" });
  return out;
}

export interface Applied {
  /** From the call of `kubectl apply` on. */
  readonly nodesReadyMs: number;
  readonly agentsReadyMs: number;
  readonly controllersReadyMs: number;
}

export async function applyBrindle({ kubectl }: Cluster): Promise<Applied> {
  const startMs = performance.now();
  const after = async (args: readonly string[]): Promise<number> => {
    await kubectl([...args, "--timeout=60s"], { deadlineMs: 70_000 });
    return Math.round(performance.now() - startMs);
  };
  await kubectl(["apply", "-f", manifest], { deadlineMs: 60_000 });
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
