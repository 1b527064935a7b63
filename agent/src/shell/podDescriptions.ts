/**
 * What Kubernetes says of a pod that is added, where the datastore does not: beside etcd. One request an ADD, as Calico's
 * plugin does it; from then on controllers carry what changes.
 */
import { type ApiObject, isPodOfUid, podSource, readAddedPod, StoreError } from "@brindle/api";
import type { KubernetesApi } from "@brindle/api/shell";
import { type Attachment, CniError, type PodDescription, type Pods } from "@brindle/cni";
import { formatAddress } from "@brindle/net";

/** Nobody has to be asked: the Pod is the endpoint, or there is no Kubernetes. */
export const podsToldByDatastore: Pods = { describe: async () => null };

export function podsBesideEtcd(api: Pick<KubernetesApi, "get">): Pods {
  return {
    describe: async ({ workload }) => {
      if (workload.orchestrator !== "k8s") return null;
      const pod = await podOf(api, workload);
      const description: PodDescription = (addresses) => endpointOf(pod, addresses.map(formatAddress));
      description([]); // What is wrong is told before anything is made.
      return description;
    },
  };
}

async function podOf(
  api: Pick<KubernetesApi, "get">,
  { namespace, pod: name, podUid }: Extract<Attachment["workload"], { readonly orchestrator: "k8s" }>,
): Promise<ApiObject> {
  const pod = await asked(api.get(podSource.resource, { namespace, name }));
  if (!pod || (podUid !== null && !isPodOfUid(pod, podUid)))
    throw later(`Kubernetes has no pod ${namespace}/${name} of this UID, so it gets no network`);
  return pod;
}

async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw later("the API server does not say which labels and service account the pod has", error.message);
  }
}

function endpointOf(pod: ApiObject, addresses: readonly string[]) {
  const reading = readAddedPod(pod, addresses);
  if (reading.type === "value") return reading.value;
  const reason = reading.type === "undecodable" ? reading.reason : "it is in the network of its node";
  throw later(`the pod ${pod.metadata.namespace}/${pod.metadata.name} cannot be understood: ${reason}`);
}

function later(message: string, details?: string): CniError {
  return new CniError({ code: "TRY_AGAIN_LATER", message, ...(details !== undefined && { details }) });
}
