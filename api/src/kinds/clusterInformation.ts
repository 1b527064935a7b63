import { flag, text } from "./fields.ts";
import { type Column, type KindDefinition, nameColumn } from "./kind.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { object, optional } from "./schema.ts";

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
  { header: "CLUSTERGUID", cell: ({ spec }) => spec.clusterGUID ?? "" },
  { header: "CLUSTERTYPE", cell: ({ spec }) => spec.clusterType ?? "" },
  { header: "CALICOVERSION", cell: ({ spec }) => spec.calicoVersion ?? "" },
  { header: "DATASTOREREADY", cell: ({ spec }) => String(spec.datastoreReady ?? false) },
];

export const clusterInformationKind: KindDefinition<ClusterInformation> = {
  apiVersion,
  kind: "ClusterInformation",
  plural: "clusterinformations",
  description: "What the cluster is: its identity, its type, and whether the datastore may be written.",
  aliases: ["clusterinfo", "clusterinfos"],
  namespaced: false,
  spec: object<ClusterInformationSpec>({
    clusterGUID: optional(text),
    clusterType: optional(text),
    calicoVersion: optional(text),
    datastoreReady: optional(flag),
    variant: optional(text),
  }),
  unsupported: [],
  check: ({ metadata: { name } }) =>
    name === "default" ? [] : [{ path: "metadata.name", value: name, reason: "must be default" }],
  withDefaults: (resource) => resource,
  columns,
  wideColumns: columns,
};
