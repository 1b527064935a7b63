import { flag, text } from "./fields.ts";
import { type Column, type KindDefinition, nameColumn } from "./kind.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { field, object, optional } from "./schema.ts";

export interface ClusterInformationSpec {
  readonly clusterGUID?: string;
  readonly clusterType?: string;
  readonly calicoVersion?: string;
  /** The CNI plugin refuses ADD while this is false. */
  readonly datastoreReady?: boolean;
  readonly variant?: string;
}

export type ClusterInformation = Resource<"ClusterInformation", ClusterInformationSpec>;

const columns: readonly Column<ClusterInformation>[] = [
  nameColumn,
  { header: "CLUSTERGUID", jsonPath: ".spec.clusterGUID", cell: ({ spec }) => spec.clusterGUID ?? "" },
  { header: "CLUSTERTYPE", jsonPath: ".spec.clusterType", cell: ({ spec }) => spec.clusterType ?? "" },
  { header: "CALICOVERSION", jsonPath: ".spec.calicoVersion", cell: ({ spec }) => spec.calicoVersion ?? "" },
  {
    header: "DATASTOREREADY",
    jsonPath: ".spec.datastoreReady",
    type: "boolean",
    cell: ({ spec }) => String(spec.datastoreReady ?? false),
  },
];

export const clusterInformationKind: KindDefinition<ClusterInformation> = {
  apiVersion,
  kind: "ClusterInformation",
  plural: "clusterinformations",
  description: "What the cluster is: its identity, its type, and whether the datastore may be written.",
  aliases: ["clusterinfo", "clusterinfos"],
  namespaced: false,
  spec: object<ClusterInformationSpec>({
    clusterGUID: optional(field(text, "What tells this cluster from all others.")),
    clusterType: optional(field(text, "What the cluster is made of, in words with commas between: k8s,bgp,kubeadm.")),
    calicoVersion: optional(
      field(text, "The release of Calico that has to do with the cluster; calicoctl compares it with its own."),
    ),
    datastoreReady: optional(
      field(flag, "No pod gets or loses an address while this is false: the datastore is being moved."),
    ),
    variant: optional(field(text, "The product that calicoVersion is of: Calico.")),
  }),
  unsupported: [],
  rules: [{ rule: "self.metadata.name == 'default'", message: "must be default", fieldPath: ".metadata.name" }],
  check: ({ metadata: { name } }) =>
    name === "default" ? [] : [{ path: "metadata.name", value: name, reason: "must be default" }],
  withDefaults: (resource) => resource,
  columns,
  wideColumns: columns,
};
