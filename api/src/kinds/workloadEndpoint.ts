import { address, integer, interfaceName, prefix, protocol, subdomain, text } from "./fields.ts";
import { type Column, type KindDefinition, nameColumn } from "./kind.ts";
import { type QosControls, qosControls } from "./qosControls.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { checked, field, list, object, optional } from "./schema.ts";
import { workloadEndpointName } from "./workloadEndpointName.ts";

export interface WorkloadEndpointSpec {
  readonly orchestrator: string;
  readonly workload?: string;
  readonly node: string;
  readonly containerID?: string;
  readonly pod?: string;
  readonly endpoint: string;
  readonly serviceAccountName?: string;
  /** `/32` and `/128` prefixes. */
  readonly ipNetworks?: readonly string[];
  readonly ipNATs?: readonly IpNat[];
  readonly ipv4Gateway?: string;
  readonly ipv6Gateway?: string;
  readonly profiles?: readonly string[];
  readonly interfaceName?: string;
  readonly mac?: string;
  readonly ports?: readonly WorkloadPort[];
  readonly allowSpoofedSourcePrefixes?: readonly string[];
  readonly qosControls?: QosControls;
}

export interface IpNat {
  readonly internalIP: string;
  readonly externalIP: string;
}

export interface WorkloadPort {
  readonly name: string;
  readonly protocol: string | number;
  readonly port: number;
  readonly hostPort?: number;
  readonly hostIP?: string;
}

export type WorkloadEndpoint = Resource<"WorkloadEndpoint", WorkloadEndpointSpec>;

const hostPrefix = checked(prefix, (value) =>
  /^[^:]+\/32$|^.*:.*\/128$/.test(value) ? null : "is no single address: its length must be 32, or 128 for IPv6",
);

const ownGateway = "the pod's gateway is the one that every pod has";

const columns: readonly Column<WorkloadEndpoint>[] = [
  { header: "WORKLOAD", cell: ({ spec }) => spec.pod ?? spec.workload ?? "" },
  { header: "NODE", cell: ({ spec }) => spec.node },
  { header: "NETWORKS", cell: ({ spec }) => (spec.ipNetworks ?? []).join(",") },
  { header: "INTERFACE", cell: ({ spec }) => spec.interfaceName ?? "" },
];

export const workloadEndpointKind: KindDefinition<WorkloadEndpoint> = {
  apiVersion,
  kind: "WorkloadEndpoint",
  plural: "workloadendpoints",
  description: "An interface of a pod: its node, addresses, labels and ports. Made by the CNI plugin.",
  aliases: ["wep", "weps"],
  namespaced: true,
  spec: object<WorkloadEndpointSpec>({
    orchestrator: field(text, "The system that runs the pod: k8s."),
    workload: optional(field(text, "The name of a workload that is no pod.")),
    node: field(subdomain, "The node on which the pod runs."),
    containerID: optional(field(text, "The sandbox of the pod, as the container runtime names it.")),
    pod: optional(field(text, "The pod.")),
    endpoint: field(text, "The interface inside the pod: eth0."),
    serviceAccountName: optional(field(text, "The service account under which the pod runs.")),
    ipNetworks: optional(field(list(hostPrefix), "The addresses of the pod, as /32 and /128.")),
    ipNATs: optional(
      field(
        list(
          object<IpNat>({
            internalIP: field(address, "An address of the pod."),
            externalIP: field(address, "The address by which it is reached as well."),
          }),
        ),
        "Floating addresses, where floatingIPs of the FelixConfiguration is Enabled.",
      ),
    ),
    ipv4Gateway: optional(field(text, "The IPv4 gateway that the pod is told.")),
    ipv6Gateway: optional(field(text, "The IPv6 gateway that the pod is told.")),
    profiles: optional(field(list(text), "The profiles of the pod's namespace and service account.")),
    interfaceName: optional(field(interfaceName, "The interface on the node.")),
    mac: optional(field(text, "The hardware address of the interface inside the pod.")),
    ports: optional(
      field(
        list(
          object<WorkloadPort>({
            name: field(text, "What rules call the port."),
            protocol: field(protocol, "Its protocol."),
            port: field(integer(1, 65535), "Its number."),
            hostPort: optional(field(integer(0, 65535), "The port of the node that leads to it; 0 for none.")),
            hostIP: optional(field(text, "The address of the node on which it does; empty for all.")),
          }),
        ),
        "Ports of the pod that have names.",
      ),
    ),
    allowSpoofedSourcePrefixes: optional(
      field(
        list(prefix),
        "Networks from whose addresses the pod may send beside its own, where workloadSourceSpoofing of the FelixConfiguration is Any.",
      ),
    ),
    qosControls: optional(field(qosControls, "Limits of bandwidth, packets and connections.")),
  }),
  unsupported: [
    { effect: "ignored", path: "spec.ipv4Gateway", accepted: [""], meanwhile: ownGateway },
    { effect: "ignored", path: "spec.ipv6Gateway", accepted: [""], meanwhile: ownGateway },
  ],
  check: ({ metadata: { name }, spec }) => {
    if (spec.node === undefined || spec.orchestrator === undefined || spec.endpoint === undefined) return [];
    const expected = workloadEndpointName({
      ...spec,
      node: spec.node,
      orchestrator: spec.orchestrator,
      endpoint: spec.endpoint,
    });
    const reason = `must be ${expected}: node, orchestrator, pod and endpoint, each with "-" doubled`;
    return name === expected ? [] : [{ path: "metadata.name", value: name, reason }];
  },
  withDefaults: (endpoint) => ({ ...endpoint, spec: { ...endpoint.spec, ...portDefaults(endpoint.spec) } }),
  columns,
  wideColumns: [
    nameColumn,
    ...columns,
    { header: "PROFILES", cell: ({ spec }) => (spec.profiles ?? []).join(",") },
    { header: "NATS", cell: ({ spec }) => (spec.ipNATs ?? []).map((nat) => nat.externalIP).join(",") },
  ],
};

/** Calico's struct has no way to leave these two out. */
function portDefaults(spec: WorkloadEndpointSpec): Pick<WorkloadEndpointSpec, "ports"> {
  return spec.ports ? { ports: spec.ports.map((port) => ({ hostPort: 0, hostIP: "", ...port })) } : {};
}
