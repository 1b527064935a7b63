/** The ranges of addresses that a cluster was made with: kubeadm notes those of pods, the API server those of Services. */
import { StoreError } from "@brindle/api";
import { type KubernetesApi, readKubeadmRanges } from "@brindle/api/shell";
import type { ClusterRanges } from "./registrar.ts";

/** Since Kubernetes 1.33; the one that follows the flags of the API server is named so. */
const serviceCidrs = {
  group: "networking.k8s.io",
  version: "v1",
  plural: "servicecidrs",
  kind: "ServiceCIDR",
  namespaced: false,
};

export async function readClusterRanges(api: KubernetesApi): Promise<ClusterRanges> {
  const [kubeadm, services] = await Promise.all([readKubeadmRanges(api), readServiceCidrs(api)]);
  return { podSubnets: kubeadm?.podSubnets ?? null, serviceCidrs: services ?? kubeadm?.serviceSubnets ?? [] };
}

/** `null` where this cluster does not tell. */
export async function readServiceCidrs(api: KubernetesApi): Promise<readonly string[] | null> {
  try {
    const found = await api.get(serviceCidrs, { name: "kubernetes" });
    const cidrs = (found?.spec as { readonly cidrs?: unknown } | undefined)?.cidrs;
    return Array.isArray(cidrs) ? cidrs.map(String) : null;
  } catch (error) {
    if (error instanceof StoreError && error.failure.code === "UNAUTHORIZED") return null;
    throw error;
  }
}
