/** What of a CustomResourceDefinition keeps a kind from being stored whole: it is missing, not served yet, or too old. */
import { type CrdDefinition, crdKinds, customResourceDefinition } from "../crd/customResourceDefinition.ts";
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
 * The CRDs of what agents write: a field that one of them does not know would be dropped in silence, and an address given
 * twice. Of what people write kubectl tells them itself.
 */
export const writtenCrds: readonly string[] = [
  "ipamblocks",
  "ipamhandles",
  "blockaffinities",
  "ippools",
  "clusterinformations",
].map((plural) => `${plural}.projectcalico.org`);

export type CrdFault =
  | { readonly kind: "missing"; readonly name: string }
  /** `reason` in words, behind the name: "is not established: ...". */
  | { readonly kind: "outdated"; readonly name: string; readonly reason: string };

/** `crd` as the API server has it, `null` for none; `null` too where all is well. `name` is one of `writtenCrds`. */
export function crdFault(name: string, crd: ApiObject | null): CrdFault | null {
  if (crd === null) return { kind: "missing", name };
  const own = crdKinds.find(({ plural, apiVersion }) => name === `${plural}.${apiVersion.split("/")[0]}`);
  const reason = own ? faultOf(own, crd) : null;
  return reason === null ? null : { kind: "outdated", name, reason };
}

function faultOf(own: CrdDefinition, crd: ApiObject): string | null {
  const [, wanted = ""] = own.apiVersion.split("/");
  const versions = entriesOf(members(crd.spec).versions).map(members);
  const served = versions.filter((version) => version.served === true);
  const found = served.find((version) => version.name === wanted);
  if (!found) return `serves ${served.map(({ name }) => name).join(" and ") || "no version"}, and not ${wanted}`;
  const established = conditionOf(crd, "Established");
  if (established?.status !== "True")
    return `is not established${said(conditionOf(crd, "NamesAccepted") ?? established)}`;
  const ours = schemaOf(members(entriesOf(members((customResourceDefinition(own) as ApiObject).spec).versions)[0]));
  const lacking = lackingFields(specOf(ours), specOf(schemaOf(found)), "spec");
  return lacking.length === 0 ? null : `does not know ${lacking.join(", ")}`;
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

/** Fields of `ours` that a server with the schema `theirs` drops; of one that is missing not its members too. */
function lackingFields(ours: Members, theirs: Members, path: string): string[] {
  if (theirs["x-kubernetes-preserve-unknown-fields"] === true) return [];
  const items = members(ours.items);
  if (ours.items !== undefined) return lackingFields(items, members(theirs.items), `${path}[]`);
  const known = members(theirs.properties);
  return Object.entries(members(ours.properties)).flatMap(([name, schema]) => {
    const field = `${path}.${name}`;
    if (theirs.additionalProperties !== undefined) return [];
    return name in known ? lackingFields(members(schema), members(known[name]), field) : [field];
  });
}
