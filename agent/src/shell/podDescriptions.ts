/**
 * What Kubernetes says of a pod that is added: what its annotations and its namespace ask for, and beside etcd its endpoint,
 * too. Beside etcd both are read at each ADD, as Calico's plugin does it. Where Kubernetes is the datastore the watch has
 * most often told already; the API server is asked only for a Pod that the kubelet has heard of before us.
 */
import {
  type ApiObject,
  type ApiResource,
  isPodOfUid,
  type Profile,
  podSource,
  readAddedPod,
  StoreError,
  type WorkloadEndpoint,
} from "@brindle/api";
import type { KubernetesApi } from "@brindle/api/shell";
import { type Attachment, CniError, type PodDescription, type Pods, podUidAnnotation } from "@brindle/cni";
import { type Address, formatAddress } from "@brindle/net";

const namespaces: ApiResource = {
  group: "",
  version: "v1",
  plural: "namespaces",
  kind: "Namespace",
  namespaced: false,
};

/** There is no Kubernetes. */
export const noPods: Pods = { describe: async () => null };

export function podsBesideEtcd(api: Pick<KubernetesApi, "get">): Pods {
  return {
    describe: async ({ workload }) => {
      if (workload.orchestrator !== "k8s") return null;
      const { pod, ...asked } = await readPod(api, workload);
      const endpoint = (addresses: readonly Address[]) => endpointOf(pod, addresses.map(formatAddress));
      endpoint([]); // What is wrong is told before anything is made.
      return { ...asked, endpoint };
    },
  };
}

/** What is watched already; `null` for what is not, or of an earlier pod of the name. */
export interface Watched {
  endpoint(attachment: Attachment): WorkloadEndpoint | null;
  namespace(name: string): Profile | null;
}

export function podsOfDatastore(api: Pick<KubernetesApi, "get">, watched: Watched): Pods {
  return {
    describe: async (attachment) => {
      const { workload } = attachment;
      if (workload.orchestrator !== "k8s") return null;
      const endpoint = watched.endpoint(attachment);
      const profile = watched.namespace(workload.namespace);
      const { podUid } = workload;
      if (!endpoint || !profile || podUid === null || endpoint.metadata.annotations?.[podUidAnnotation] !== podUid) {
        const { pod: _pod, ...asked } = await readPod(api, workload);
        return { ...asked, endpoint: null };
      }
      const { annotations: ofPod = {} } = endpoint.metadata;
      const { annotations = {} } = profile.metadata;
      return { endpoint: null, annotations: ofPod, namespace: { labels: namespaceLabels(profile), annotations } };
    },
  };
}

/** As its profile hands them on. */
function namespaceLabels({ spec: { labelsToApply = {} } }: Profile): Readonly<Record<string, string>> {
  const own = Object.entries(labelsToApply).filter(([name]) => name.startsWith("pcns."));
  return Object.fromEntries(own.map(([name, value]) => [name.slice("pcns.".length), value]));
}

type KubernetesWorkload = Extract<Attachment["workload"], { readonly orchestrator: "k8s" }>;

async function readPod(
  api: Pick<KubernetesApi, "get">,
  workload: KubernetesWorkload,
): Promise<Pick<PodDescription, "annotations" | "namespace"> & { readonly pod: ApiObject }> {
  const [pod, namespace] = await Promise.all([podOf(api, workload), namespaceOf(api, workload.namespace)]);
  return {
    pod,
    annotations: textsOf(pod.metadata.annotations),
    namespace: {
      labels: textsOf(namespace.metadata.labels),
      annotations: textsOf(namespace.metadata.annotations),
    },
  };
}

function textsOf(map: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(map ?? {}).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return Object.fromEntries(entries);
}

async function namespaceOf(api: Pick<KubernetesApi, "get">, name: string): Promise<ApiObject> {
  const namespace = await asked(api.get(namespaces, { name }));
  if (!namespace) throw later(`Kubernetes has no namespace ${name}, so its pods get no network`);
  return namespace;
}

async function podOf(
  api: Pick<KubernetesApi, "get">,
  { namespace, pod: name, podUid }: KubernetesWorkload,
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
    throw later("the API server does not say what the pod and its namespace ask for", error.message);
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
