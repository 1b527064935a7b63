/** The endpoint which ADD stores, in Calico's form, and the profile that one without Kubernetes needs. */
import { apiVersion, type Profile, type QosControls, type WorkloadEndpoint, workloadEndpointName } from "@brindle/api";
import { type Address, formatPrefix, hostPrefix } from "@brindle/net";
import type { Attachment } from "./attachment.ts";
import type { PodDescription } from "./ports.ts";

export interface EndpointOwner {
  readonly attachment: Attachment;
  readonly node: string;
  /** Labels given with the request; the pod's and ours win over them. */
  readonly labels: Readonly<Record<string, string>>;
  /** What its Pod asks for, where that is known. */
  readonly pod?: PodDescription["endpoint"];
  /** Those that it gets; what keeps them later goes by this. */
  readonly limits?: QosControls | null;
}

/** Of which of the pods that have this name one after the other it is. */
export const podUidAnnotation = "brindle.network/pod-uid";

export function workloadEndpoint(owner: EndpointOwner, addresses: readonly Address[]): WorkloadEndpoint {
  const { attachment, node, labels } = owner;
  const { workload } = attachment;
  const described = owner.pod?.(addresses);
  const asked: Partial<WorkloadEndpoint["spec"]> = described?.spec ?? {};
  const { serviceAccountName, ipNATs, profiles, ports, allowSpoofedSourcePrefixes } = asked;
  // What goes for a pod's addresses goes for its first interface alone.
  const isFirst = attachment.interfaceName === "eth0";
  const annotations = {
    // A StatefulSet's pods share a name one after the other; the UID tells whose endpoint this is.
    ...(workload.orchestrator === "k8s" && workload.podUid && { [podUidAnnotation]: workload.podUid }),
    ...described?.metadata.annotations,
  };
  // In Calico's order, here and below: who reads it, and in a large cluster each node does, then need not make it anew.
  return {
    kind: "WorkloadEndpoint",
    apiVersion,
    metadata: {
      ...endpointKey(attachment, node),
      labels: {
        ...labels,
        ...described?.metadata.labels,
        "projectcalico.org/namespace": workload.namespace,
        "projectcalico.org/orchestrator": workload.orchestrator,
      },
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    spec: {
      orchestrator: workload.orchestrator,
      ...(workload.orchestrator === "cni" && { workload: attachment.containerId }),
      node,
      containerID: attachment.containerId,
      ...(workload.orchestrator === "k8s" && { pod: workload.pod }),
      endpoint: attachment.interfaceName,
      ...(serviceAccountName !== undefined && { serviceAccountName }),
      ipNetworks: addresses.map((address) => formatPrefix(hostPrefix(address))),
      ...(isFirst && ipNATs !== undefined && { ipNATs }),
      profiles: profiles ?? [workload.orchestrator === "k8s" ? `kns.${workload.namespace}` : attachment.network],
      interfaceName: attachment.hostInterface,
      mac: attachment.mac,
      ...(ports !== undefined && { ports }),
      ...(isFirst && allowSpoofedSourcePrefixes !== undefined && { allowSpoofedSourcePrefixes }),
      ...(owner.limits && { qosControls: owner.limits }),
    },
  };
}

export function endpointKey(
  { workload, containerId, interfaceName }: Attachment,
  node: string,
): { readonly name: string; readonly namespace: string } {
  const subject = workload.orchestrator === "k8s" ? { pod: workload.pod } : { workload: containerId };
  const identity = { node, orchestrator: workload.orchestrator, endpoint: interfaceName, ...subject };
  return { name: workloadEndpointName(identity), namespace: workload.namespace };
}

/**
 * The profile named after the network, as Calico's plugin makes it where no Kubernetes has namespaces: what is on the
 * network reaches what is on the network. Without it an endpoint that no policy selects would be cut off.
 */
export function networkProfile(network: string): Profile {
  return {
    apiVersion,
    kind: "Profile",
    metadata: { name: network },
    spec: {
      ingress: [{ action: "Allow", source: { selector: `has(${network})` } }],
      egress: [{ action: "Allow" }],
      labelsToApply: { [network]: "" },
    },
  };
}
