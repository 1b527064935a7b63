/** Manifests of small clusters, for tests. */

export interface PodSample {
  /** In YAML: `10.1.0.1/32, 'fd00::1/128'`. */
  readonly addresses: string;
  readonly namespace?: string;
  /** Beside that of the namespace. */
  readonly profiles?: readonly string[];
  /** Its label `app`; its name, unless told. */
  readonly app?: string;
  /** More of its spec, in YAML. */
  readonly more?: string;
}

/** A document with the endpoint of a pod of node1, and what ends it. */
export function podManifest(
  pod: string,
  { addresses, namespace = "shop", profiles = [], app = pod, more = "" }: PodSample,
): string {
  return `apiVersion: projectcalico.org/v3
kind: WorkloadEndpoint
metadata: {name: node1-k8s-${pod}-eth0, namespace: ${namespace}, labels: {app: ${app}}}
spec: {orchestrator: k8s, node: node1, pod: ${pod}, endpoint: eth0, interfaceName: cali${pod}, ipNetworks: [${addresses}],
  profiles: [${[`kns.${namespace}`, ...profiles].join(", ")}]${more === "" ? "" : `, ${more}`}}
---
`;
}

/** The profile of a namespace as Kubernetes has it: all is allowed. */
export function namespaceManifest(namespace = "shop"): string {
  return `apiVersion: projectcalico.org/v3
kind: Profile
metadata: {name: kns.${namespace}}
spec: {ingress: [{action: Allow}], egress: [{action: Allow}]}
---
`;
}
