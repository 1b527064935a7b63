/** How a program comes to its cluster, as calicoctl does: what the environment says, over a kubeconfig, over the pod's own. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import {
  type ClusterAccess,
  type Environment,
  environmentOverrides,
  inClusterAccess,
  misconfiguredAccess,
} from "../../kubernetes/clusterAccess.ts";
import { accessOf, type KubeconfigFile } from "../../kubernetes/kubeconfig.ts";

export interface AccessOptions {
  readonly environment: Environment;
  /** Stands for `KUBECONFIG`: one file, or several with colons between them. */
  readonly kubeconfig?: string;
  /** Stands for `K8S_CURRENT_CONTEXT`, which stands for what the kubeconfig calls its current one. */
  readonly context?: string;
}

/** Rejects with a `StoreError` which says what is missing, and repeats nothing secret. */
export async function findClusterAccess(options: AccessOptions): Promise<ClusterAccess> {
  const { environment, kubeconfig = environment.KUBECONFIG, context = environment.K8S_CURRENT_CONTEXT } = options;
  const overrides = environmentOverrides(environment);
  const base = await baseAccess(environment, { kubeconfig, context, isComplete: overrides.server !== undefined });
  const { server = base?.server } = overrides;
  if (server === undefined) {
    throw misconfiguredAccess("no cluster is named: set KUBECONFIG or K8S_API_ENDPOINT, or run in a pod");
  }
  return { ...base, ...overrides, server };
}

async function baseAccess(
  environment: Environment,
  {
    kubeconfig,
    context,
    isComplete,
  }: { kubeconfig: string | undefined; context: string | undefined; isComplete: boolean },
): Promise<ClusterAccess | null> {
  if (kubeconfig) return accessOf(await readKubeconfigs(kubeconfig.split(delimiter)), context || undefined);
  if (isComplete) return null;
  const inCluster = inClusterAccess(environment);
  if (inCluster) return inCluster;
  const path = join(environment.HOME ?? homedir(), ".kube/config");
  const file = await readIfThere(path);
  return file && accessOf([file], context || undefined);
}

/** Of several, some may be missing, as kubectl has it; not all. */
async function readKubeconfigs(paths: readonly string[]): Promise<readonly KubeconfigFile[]> {
  const found = await Promise.all(paths.filter((path) => path !== "").map(readIfThere));
  const files = found.filter((file) => file !== null);
  if (files.length === 0) throw misconfiguredAccess(`there is no kubeconfig ${paths.join(", ")}`);
  return files;
}

async function readIfThere(path: string): Promise<KubeconfigFile | null> {
  try {
    return { path, text: await readFile(path, "utf8") };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return null;
    throw misconfiguredAccess(`cannot read ${path}: ${code}`);
  }
}
