/** The fields of a kind as rows of a table: read from the same schema that the CRD has. */
import type { StructuralSchema } from "../crd/openApiSchema.ts";

export interface FieldRow {
  /** `spec.ingress[].action` */
  readonly path: string;
  readonly type: string;
  readonly default: string;
  readonly description: string;
}

/** Where each large group of fields was told first, by its content: rules stand in many kinds and are told once. */
export type ToldGroups = Map<string, string>;

/** A group with fewer fields is told again, for one need not look elsewhere. */
const largeGroup = 6;

export interface Place {
  readonly path: string;
  /** Before a path that others refer to: `NetworkPolicy`. */
  readonly kind: string;
}

export function fieldRows(schema: StructuralSchema, { path, kind }: Place, told: ToldGroups): FieldRow[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const at = { path: `${path}.${name}`, kind };
    const isNeeded = schema.required?.includes(name) ?? false;
    const group = groupIn(member);
    const row = rowOf(member, at.path, isNeeded);
    if (!group) return [row];
    const key = JSON.stringify(group.schema.properties);
    const before = told.get(key);
    if (before !== undefined) return [{ ...row, description: `${row.description} Fields as of ${before}.` }];
    const inner = `${at.path}${group.suffix}`;
    if (Object.keys(group.schema.properties ?? {}).length >= largeGroup) told.set(key, `${kind} \`${inner}\``);
    return [row, ...fieldRows(group.schema, { path: inner, kind }, told)];
  });
}

/** The fields below a field: its own, or those of its entries. */
function groupIn(schema: StructuralSchema): { readonly schema: StructuralSchema; readonly suffix: string } | null {
  if (schema.properties) return { schema, suffix: "" };
  return schema.items?.properties ? { schema: schema.items, suffix: "[]" } : null;
}

function rowOf(schema: StructuralSchema, path: string, isNeeded: boolean): FieldRow {
  const given = schema.default === undefined ? "" : `\`${JSON.stringify(schema.default)}\``;
  return {
    path,
    type: typeOf(schema),
    default: isNeeded ? "needed" : given,
    description: schema.description ?? "",
  };
}

function typeOf(schema: StructuralSchema): string {
  if (schema.type === "array") {
    const what = schema["x-kubernetes-list-type"] === "set" ? "set" : "list";
    return schema.items && !schema.items.properties ? `${what} of ${typeOf(schema.items)}` : what;
  }
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(", ");
  if (schema["x-kubernetes-int-or-string"]) return "number or text";
  if (schema.type === "object")
    return schema.additionalProperties ? `map of ${typeOf(schema.additionalProperties)}` : "group";
  if (schema.type === "integer") return integerType(schema);
  return (schema.type && plainTypes[schema.type]) ?? "any";
}

const plainTypes: Readonly<Record<string, string>> = { string: "text", boolean: "true or false", number: "number" };

function integerType({ minimum, maximum }: StructuralSchema): string {
  return minimum === undefined || maximum === undefined ? "integer" : `${minimum} to ${maximum}`;
}
