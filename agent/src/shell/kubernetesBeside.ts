import type { Store } from "@brindle/api";
import { inClusterAccess } from "@brindle/api";
import { findClusterAccess, type KubernetesApi, kubernetesApiOf, openKubernetesApi } from "@brindle/api/shell";

export interface BesideOptions {
  readonly environment: NodeJS.ProcessEnv;
  /** Named for it. A kubeconfig of whoever started the agent is not taken for it. */
  readonly kubeconfig?: string;
}

/**
 * The API server: the datastore itself, or where that is etcd, the one that was named, or that a pod is told of. `null`
 * where there is none. Rejects with a `StoreError` for a kubeconfig that cannot be used.
 */
export async function kubernetesBeside(
  store: Store,
  { environment, kubeconfig }: BesideOptions,
): Promise<KubernetesApi | null> {
  const shared = kubernetesApiOf(store);
  if (shared) return shared;
  const access =
    kubeconfig === undefined ? inClusterAccess(environment) : await findClusterAccess({ environment, kubeconfig });
  return access && openKubernetesApi({ access });
}
