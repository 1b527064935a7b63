/** Networks outside the cluster under labels, so that selectors of rules find them: of a namespace, and of none. */
import { parseAddress, parseCidr } from "@brindle/net";
import type * as z from "zod";
import { text } from "./fields.ts";
import { type Column, type KindDefinition, nameColumn } from "./kind.ts";
import type { Problem } from "./problem.ts";
import { apiVersion, type Metadata, type Resource } from "./resource.ts";
import { checked, field, object, optional, set } from "./schema.ts";

export interface NetworkSetSpec {
  readonly nets?: readonly string[];
}

export type NetworkSet = Resource<"NetworkSet", NetworkSetSpec>;

/** Calico takes an address for its own network, and host bits for what they are masked to. */
const network = checked(text, (value) =>
  parseCidr(value) || parseAddress(value) ? null : "is no network, like 198.51.100.0/24, and no address",
);

export const networkSetSpec: z.ZodType<NetworkSetSpec> = object<NetworkSetSpec>({
  nets: optional(field(set(network), "Networks and addresses of either family.")),
});

/** Calico gives a set the label itself where it hands it on; written by a person it would move the set. */
const namespaceLabel = "projectcalico.org/namespace";

export function checkSetLabels({ labels }: Metadata): Problem[] {
  const value = labels?.[namespaceLabel];
  if (value === undefined) return [];
  return [
    { path: `metadata.labels["${namespaceLabel}"]`, value, reason: "is set by the datastore alone: leave it out" },
  ];
}

export const networkSetWideColumns: readonly Column<Resource<string, NetworkSetSpec>>[] = [
  nameColumn,
  { header: "NETS", jsonPath: ".spec.nets", cell: ({ spec }) => shortened((spec.nets ?? []).join(",")) },
];

const columnWidthMax = 80;

function shortened(value: string): string {
  return value.length <= columnWidthMax ? value : `${value.slice(0, columnWidthMax - 3)}...`;
}

export const networkSetKind: KindDefinition<NetworkSet> = {
  apiVersion,
  kind: "NetworkSet",
  plural: "networksets",
  description: "Networks outside the cluster which rules of this namespace select by the labels of the set.",
  aliases: ["netsets"],
  namespaced: true,
  spec: networkSetSpec,
  unsupported: [],
  check: ({ metadata }) => checkSetLabels(metadata),
  withDefaults: (networkSet) => networkSet,
  columns: [nameColumn],
  wideColumns: networkSetWideColumns,
};
