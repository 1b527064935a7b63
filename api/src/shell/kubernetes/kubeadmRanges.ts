import { configMaps, kubeadmConfig, podSubnetsOf, serviceSubnetsOf } from "../../kubernetes/kubeadmConfig.ts";
import type { KubernetesApi } from "./kubernetesApi.ts";

export interface KubeadmRanges {
  readonly podSubnets: readonly string[];
  readonly serviceSubnets: readonly string[];
}

/** What kubeadm was given; `null` where kubeadm did not make the cluster. Rejects with a `StoreError`. */
export async function readKubeadmRanges(api: KubernetesApi): Promise<KubeadmRanges | null> {
  const configMap = await api.get(configMaps, kubeadmConfig);
  if (!configMap) return null;
  return { podSubnets: podSubnetsOf(configMap), serviceSubnets: serviceSubnetsOf(configMap) };
}
