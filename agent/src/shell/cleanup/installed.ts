/**
 * Whether Brindle is installed still: then its agent comes back after it ended, as at each update, and between the two
 * every node would be taken for one that is left.
 */
import type { ApiResource } from "@brindle/api";
import { findClusterAccess, type KubernetesApi, openKubernetesApi } from "@brindle/api/shell";
import { AgentError } from "../../error.ts";

export interface DaemonSetName {
  readonly namespace: string;
  readonly name: string;
}

const daemonSets: ApiResource = {
  group: "apps",
  version: "v1",
  plural: "daemonsets",
  kind: "DaemonSet",
  namespaced: true,
};

/** Rejects with an `AgentError` while it exists, and with a `StoreError` where the API server does not say. */
export async function refuseWhileInstalled(
  { namespace, name }: DaemonSetName,
  api: Pick<KubernetesApi, "get">,
): Promise<void> {
  if (!(await api.get(daemonSets, { namespace, name }))) return;
  const reason = `DaemonSet ${namespace}/${name} exists: its agents would come back. Delete Brindle first, as by kubectl delete -f brindle.yaml`;
  throw new AgentError({ code: "UNSUITABLE_MACHINE", reason });
}

export interface ClusterOptions {
  readonly kubeconfig?: string;
  readonly timeoutMs: number;
}

export async function openCluster({ kubeconfig, timeoutMs }: ClusterOptions): Promise<KubernetesApi> {
  const named = kubeconfig === undefined ? {} : { kubeconfig };
  const access = await findClusterAccess({ environment: process.env, ...named });
  return openKubernetesApi({ access, timeoutMs });
}
