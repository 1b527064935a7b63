import { type KindDefinition, nameColumn } from "./kind.ts";
import { checkSetLabels, type NetworkSetSpec, networkSetSpec, networkSetWideColumns } from "./networkSet.ts";
import { apiVersion, type Resource } from "./resource.ts";

export type GlobalNetworkSet = Resource<"GlobalNetworkSet", NetworkSetSpec>;

export const globalNetworkSetKind: KindDefinition<GlobalNetworkSet> = {
  apiVersion,
  kind: "GlobalNetworkSet",
  plural: "globalnetworksets",
  description: "Networks outside the cluster which rules anywhere select by the labels of the set.",
  aliases: [],
  namespaced: false,
  spec: networkSetSpec,
  unsupported: [],
  check: ({ metadata }) => checkSetLabels(metadata),
  withDefaults: (networkSet) => networkSet,
  columns: [nameColumn],
  wideColumns: networkSetWideColumns,
};
