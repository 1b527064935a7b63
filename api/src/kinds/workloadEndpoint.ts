import * as z from "zod";
import { address, integer, prefix, protocol, subdomain, text } from "./fields.ts";
import { type Column, type KindDefinition, nameColumn } from "./kind.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { checked, list, object, optional } from "./schema.ts";
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
  readonly qosControls?: Readonly<Record<string, unknown>>;
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
    orchestrator: text,
    workload: optional(text),
    node: subdomain,
    containerID: optional(text),
    pod: optional(text),
    endpoint: text,
    serviceAccountName: optional(text),
    ipNetworks: optional(list(hostPrefix)),
    ipNATs: optional(list(object<IpNat>({ internalIP: address, externalIP: address }))),
    ipv4Gateway: optional(text),
    ipv6Gateway: optional(text),
    profiles: optional(list(text)),
    interfaceName: optional(text),
    mac: optional(text),
    ports: optional(
      list(
        object<WorkloadPort>({
          name: text,
          protocol,
          port: integer(1, 65535),
          hostPort: optional(integer(0, 65535)),
          hostIP: optional(text),
        }),
      ),
    ),
    allowSpoofedSourcePrefixes: optional(list(prefix)),
    qosControls: optional(z.record(z.string(), z.unknown())),
  }),
  unsupported: [
    { effect: "ignored", path: "spec.ipNATs", meanwhile: "the pod is not reached at these addresses" },
    { effect: "ignored", path: "spec.ipv4Gateway", accepted: [""], meanwhile: ownGateway },
    { effect: "ignored", path: "spec.ipv6Gateway", accepted: [""], meanwhile: ownGateway },
    {
      effect: "ignored",
      path: "spec.allowSpoofedSourcePrefixes",
      meanwhile: "nothing is opened for these sources",
    },
    { effect: "ignored", path: "spec.qosControls", meanwhile: "what the pod sends and receives is not limited" },
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
