/** What of a CustomResourceDefinition keeps a kind from being stored whole: it is missing, not served yet, or too old. */
import { entriesOf, type Members, members, textOf } from "./apiObject.ts";
import type { ApiObject, ApiResource } from "./source.ts";

export const customResourceDefinitions: ApiResource = {
  group: "apiextensions.k8s.io",
  version: "v1",
  plural: "customresourcedefinitions",
  kind: "CustomResourceDefinition",
  namespaced: false,
};

/**
 * What agents write, field by field: one that a CRD does not know would be dropped in silence, and an address given twice.
 * Of what people write kubectl tells them itself.
 */
const writtenFields: Readonly<Record<string, readonly string[]>> = {
  ipamblocks: [
    "cidr",
    "affinity",
    "allocations",
    "unallocated",
    "attributes[].handle_id",
    "attributes[].secondary",
    "sequenceNumber",
    "sequenceNumberForAllocation",
    "deleted",
    "strictAffinity",
  ],
  ipamhandles: ["handleID", "block", "deleted"],
  blockaffinities: ["state", "node", "type", "cidr", "deleted"],
  ippools: ["cidr", "ipipMode", "vxlanMode", "natOutgoing"],
  clusterinformations: ["clusterGUID", "clusterType", "datastoreReady"],
};

const group = "projectcalico.org";
const version = "v3";

/** The names of their CRDs. */
export const writtenCrds: readonly string[] = Object.keys(writtenFields).map((plural) => `${plural}.${group}`);

export type CrdFault =
  | { readonly kind: "missing"; readonly name: string }
  /** `reason` in words, behind the name: "is not established: ...". */
  | { readonly kind: "outdated"; readonly name: string; readonly reason: string };

/** `crd` as the API server has it, `null` for none; `null` too where all is well. `name` is one of `writtenCrds`. */
export function crdFault(name: string, crd: ApiObject | null): CrdFault | null {
  if (crd === null) return { kind: "missing", name };
  const fields = writtenFields[name.slice(0, name.indexOf("."))] ?? [];
  const reason = faultOf(fields, crd);
  return reason === null ? null : { kind: "outdated", name, reason };
}

function faultOf(fields: readonly string[], crd: ApiObject): string | null {
  const versions = entriesOf(members(crd.spec).versions).map(members);
  const served = versions.filter((each) => each.served === true);
  const found = served.find((each) => each.name === version);
  if (!found) return `serves ${served.map(({ name }) => name).join(" and ") || "no version"}, and not ${version}`;
  const established = conditionOf(crd, "Established");
  if (established?.status !== "True")
    return `is not established${said(conditionOf(crd, "NamesAccepted") ?? established)}`;
  const lacking = fields.filter((field) => !knows(specOf(schemaOf(found)), field.split(".")));
  return lacking.length === 0 ? null : `does not know ${lacking.map((field) => `spec.${field}`).join(", ")}`;
}

function conditionOf(crd: ApiObject, type: string): Members | undefined {
  return entriesOf(members(crd.status).conditions)
    .map(members)
    .find((condition) => condition.type === type);
}

function said(condition: Members | undefined): string {
  const message = condition?.status === "False" ? textOf(condition.message) : undefined;
  return message === undefined ? "" : `: ${message}`;
}

function schemaOf(version: Members): Members {
  return members(members(version.schema).openAPIV3Schema);
}

function specOf(schema: Members): Members {
  return members(members(schema.properties).spec);
}

/** Whether a server with this schema keeps the field; a step that ends in `[]` goes into the entries of a list. */
function knows(schema: Members, [step, ...rest]: readonly string[]): boolean {
  if (step === undefined || schema["x-kubernetes-preserve-unknown-fields"] === true) return true;
  const name = step.replace("[]", "");
  const known = members(schema.properties);
  if (!(name in known)) return schema.additionalProperties !== undefined;
  const member = members(known[name]);
  return knows(step.endsWith("[]") ? members(member.items) : member, rest);
}
