import { configMaps, kubeadmConfig, podSubnetsOf } from "../../kubernetes/kubeadmConfig.ts";
import type { DatastoreSettings } from "../datastoreSettings.ts";
import { findClusterAccess } from "./access.ts";
import { Objects } from "./objects.ts";
import { openApiClient } from "./openApiClient.ts";

/**
 * The ranges of pods that kubeadm was given; `null` where kubeadm did not make the cluster. Asked once in the life of a
 * cluster, so over a connection of its own. Rejects with a `StoreError`.
 */
export async function readPodSubnets(
  settings: Extract<DatastoreSettings, { readonly type: "kubernetes" }>,
): Promise<readonly string[] | null> {
  const { environment, timeoutMs } = settings;
  const access = await findClusterAccess({ environment });
  const client = openApiClient({ access, ...(timeoutMs !== undefined && { timeoutMs }) });
  try {
    const configMap = await new Objects(client, 1).get(configMaps, kubeadmConfig);
    return configMap && podSubnetsOf(configMap);
  } finally {
    client.close();
  }
}
