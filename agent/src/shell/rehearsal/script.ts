/** What there is in the cluster of a rehearsal, and what its runtime asks for. */
import { apiVersion, type Key, type Write } from "@brindle/api";
import type { RelayedRequest } from "@brindle/cni";

export const rehearsedNode = "rehearsal";

/** Benchmarking addresses (RFC 2544); nothing here reaches a network. */
const pool = "198.18.0.0/16";

/** A pool, and policies such as clusters have: one that selects pods, one that selects those whom it lets in, and a profile. */
export function rehearsedCluster(): Write[] {
  const allowAll = [{ action: "Allow" }] as const;
  const resources = [
    { kind: "Node", metadata: { name: rehearsedNode }, spec: {} },
    { kind: "IPPool", metadata: { name: "rehearsal" }, spec: { cidr: pool, ipipMode: "Never", vxlanMode: "Never" } },
    ...namespaces.flatMap((namespace) => [
      { kind: "Profile", metadata: { name: `kns.${namespace}` }, spec: { ingress: allowAll, egress: allowAll } },
      {
        kind: "NetworkPolicy",
        metadata: { name: "rehearsal", namespace },
        spec: {
          selector: "projectcalico.org/orchestrator == 'k8s'",
          types: ["Ingress"],
          ingress: [{ action: "Allow", source: { selector: "app == 'client'" } }],
        },
      },
    ]),
  ] as const;
  return resources.map((resource): Write => {
    const { name, ...rest } = resource.metadata;
    const key = { kind: resource.kind, name, ...rest } as Key;
    return { op: "create", key, value: { apiVersion, ...resource } } as Write;
  });
}

/**
 * Short and long: V8 keeps them in other forms, and what it compiles for one form alone it throws away when it meets the other.
 */
const names: readonly ((pod: number) => string)[] = [
  (pod) => `pod-${pod}`,
  (pod) => `of-a-deployment-5c6f7d8b9-${pod}`,
];
const namespaces = ["default", "rehearsed-system", "prod"];

/** As a kubelet's runtime asks by the network list of the manifests. */
export function requestOf(
  command: "ADD" | "DEL",
  { netns, pod: number }: { readonly netns: string; readonly pod: number },
): RelayedRequest {
  const pod = names[number % names.length]?.(number) ?? "";
  const namespace = namespaces[number % namespaces.length] ?? "";
  const containerId = `${"0".repeat(40)}${number}`;
  const args = [
    "IgnoreUnknown=1",
    `K8S_POD_NAMESPACE=${namespace}`,
    `K8S_POD_NAME=${pod}`,
    `K8S_POD_INFRA_CONTAINER_ID=${containerId}`,
    `K8S_POD_UID=${pod}`,
  ];
  return {
    variables: {
      CNI_COMMAND: command,
      CNI_CONTAINERID: containerId,
      CNI_NETNS: netns,
      CNI_IFNAME: "eth0",
      CNI_ARGS: args.join(";"),
      CNI_PATH: "/opt/cni/bin",
    },
    stdin: config,
  };
}

const config = JSON.stringify({
  cniVersion: "1.0.0",
  name: "k8s-pod-network",
  type: "brindle",
  capabilities: { bandwidth: true },
  ipam: { type: "brindle-ipam", assign_ipv4: "auto", assign_ipv6: "auto" },
});
