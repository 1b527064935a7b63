/**
 * The CRD of a kind. Names and group are those under which Calico's own API server and its native CRDs have the kind, so
 * that `kubectl apply` of an operator's manifests needs nothing else.
 *
 * What no schema knows is dropped by the API server, and `kubectl apply` refuses it by name: a misspelt field must not
 * vanish. So these CRDs do not belong on a cluster whose Calico is newer and has CRDs of its own, which the store reads
 * as well. What only programs write is kept instead, since nobody would see it go.
 */

import { isIpamKind } from "../kinds/ipam.ts";
import type { Column, KindDefinition } from "../kinds/kind.ts";
import { readableKinds } from "../kinds/kinds.ts";
import type { CelRule } from "../kinds/schema.ts";
import { conditionsSchema } from "./conditions.ts";
import { type StructuralSchema, structuralSchema } from "./openApiSchema.ts";

/** What a CRD is made of; the kinds of address management too. */
export type CrdDefinition = Pick<
  KindDefinition,
  "apiVersion" | "kind" | "plural" | "description" | "aliases" | "namespaced" | "spec" | "status" | "rules"
> & {
  readonly columns: readonly AnyColumn[];
  readonly wideColumns: readonly AnyColumn[];
};

type AnyColumn = Pick<Column<never>, "header" | "jsonPath" | "type">;

/** Kubernetes has these itself: as Node, Pod, and Namespace with ServiceAccount. */
const kindsOfKubernetes: readonly string[] = ["Node", "WorkloadEndpoint", "Profile"];

export const crdKinds: readonly CrdDefinition[] = Object.values<CrdDefinition>(readableKinds).filter(
  ({ kind }) => !kindsOfKubernetes.includes(kind),
);

export function customResourceDefinition(definition: CrdDefinition): object {
  const { apiVersion, kind, plural, aliases, namespaced } = definition;
  const [group = "", version] = apiVersion.split("/");
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        ...(aliases.length > 0 && { shortNames: aliases }),
        categories: [group.startsWith("brindle") ? "brindle" : "calico"],
      },
      scope: namespaced ? "Namespaced" : "Cluster",
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: resourceSchema(definition) },
          subresources: { status: {} },
          additionalPrinterColumns: printerColumns(definition),
        },
      ],
    },
  };
}

function resourceSchema({ kind, description, spec, status, rules = [] }: CrdDefinition): StructuralSchema {
  const specSchema = structuralSchema(spec);
  const isNeeded = specSchema.required !== undefined;
  return {
    description,
    type: "object",
    properties: {
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { type: "object" },
      spec: {
        description: "What is wanted.",
        ...specSchema,
        // Defaults of its members are written only where it stands.
        ...(!isNeeded && { default: {} }),
        ...(isIpamKind(kind) && { "x-kubernetes-preserve-unknown-fields": true as const }),
      },
      status: statusSchema(status),
    },
    ...(isNeeded && { required: ["spec"] }),
    ...(rules.length > 0 && { "x-kubernetes-validations": rules.map(placed) }),
  };
}

/** The API server lets no rule name a field of the metadata, which it knows itself. */
function placed(rule: CelRule): CelRule {
  if (!rule.fieldPath?.startsWith(".metadata")) return rule;
  return { rule: rule.rule, message: `${rule.fieldPath.slice(1)} ${rule.message}` };
}

function statusSchema(status: CrdDefinition["status"]): StructuralSchema {
  const own = status ? structuralSchema(status) : {};
  return {
    description: "What became of it.",
    ...own,
    type: "object",
    properties: { ...own.properties, conditions: conditionsSchema },
  };
}

/** Nobody judges what address management keeps: that has no condition. */
function printerColumns({ kind, columns, wideColumns }: CrdDefinition): object[] {
  const narrow = new Set(columns.map(({ header }) => header));
  const all = [...columns, ...wideColumns.filter(({ header }) => !narrow.has(header))];
  return [
    ...all.flatMap(({ header, jsonPath, type = "string" }) =>
      jsonPath === undefined ? [] : [{ name: header, type, jsonPath, ...(!narrow.has(header) && { priority: 1 }) }],
    ),
    ...(isIpamKind(kind) ? [] : [acceptedColumn]),
    { name: "AGE", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ];
}

const acceptedColumn = {
  name: "ACCEPTED",
  type: "string",
  jsonPath: '.status.conditions[?(@.type=="Accepted")].status',
};
