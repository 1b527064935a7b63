/** From a declaration to the structural schema of a CRD. It is a weaker form of what validation checks: it refuses nothing else. */
import * as z from "zod";
import { type CelRule, notesOf, type OpenApi, openApiOf } from "../kinds/schema.ts";

/** A schema as `apiextensions.k8s.io/v1` has it; members in the order in which they are best read. */
export interface StructuralSchema
  extends Omit<OpenApi, "type" | "format" | "additionalProperties" | "x-kubernetes-list-type"> {
  readonly description?: string;
  readonly type?: OpenApi["type"] | "array";
  readonly format?: OpenApi["format"] | "date-time";
  readonly nullable?: true;
  readonly enum?: readonly (string | number | boolean)[];
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly required?: readonly string[];
  readonly items?: StructuralSchema;
  readonly additionalProperties?: StructuralSchema;
  readonly "x-kubernetes-list-type"?: "atomic" | "set" | "map";
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-validations"?: readonly CelRule[];
}

/** `path` is for the text of a failure, which is always a fault of a declaration. */
export function structuralSchema(schema: z.ZodType, path = ""): StructuralSchema {
  if (isOptional(schema)) return { ...structuralSchema(schema.def.innerType as z.ZodType, path), ...notedOf(schema) };
  const { description, ...noted } = notedOf(schema);
  return {
    ...(description !== undefined && { description }),
    ...shapeOf(schema, path),
    ...openApiOf(schema),
    ...noted,
  };
}

function notedOf(schema: z.ZodType): StructuralSchema {
  const { description, rules = [], ...notes } = notesOf(schema) ?? {};
  return {
    ...(description !== undefined && { description }),
    ...("default" in notes && { default: notes.default }),
    ...(rules.length > 0 && { "x-kubernetes-validations": rules }),
  };
}

/** Whether a person may leave the field out. */
export function isOptional(schema: z.ZodType): schema is z.ZodExactOptional | z.ZodDefault {
  return schema instanceof z.ZodExactOptional || schema instanceof z.ZodDefault;
}

/** What zod itself knows. What it does not is noted by the builders. */
function shapeOf(schema: z.ZodType, path: string): StructuralSchema {
  if (schema instanceof z.ZodObject) return objectShape(schema.shape as Readonly<Record<string, z.ZodType>>, path);
  if (schema instanceof z.ZodArray) {
    return {
      type: "array",
      items: structuralSchema(schema.element as z.ZodType, `${path}[]`),
      "x-kubernetes-list-type": "atomic",
    };
  }
  if (schema instanceof z.ZodRecord) return recordShape(schema.valueType as z.ZodType, path);
  if (schema instanceof z.ZodEnum) return { type: "string", enum: schema.options };
  if (schema instanceof z.ZodLiteral) return literalShape([...schema.values]);
  if (schema instanceof z.ZodBoolean) return { type: "boolean" };
  if (schema instanceof z.ZodNullable) {
    return { ...structuralSchema(schema.def.innerType as z.ZodType, path), nullable: true };
  }
  if (schema instanceof z.ZodNumber) return { type: schema.isInt ? "integer" : "number" };
  if (schema instanceof z.ZodString) return { type: "string" };
  if (schema instanceof z.ZodUnknown) return { "x-kubernetes-preserve-unknown-fields": true };
  if (Object.keys(openApiOf(schema)).length > 0) return {};
  // What is written goes in before it is transformed.
  if (schema instanceof z.ZodPipe) return structuralSchema(schema.in as z.ZodType, path);
  throw new Error(`${path}: a schema of type ${schema.type} says nothing of itself: note it by withOpenApi`);
}

function objectShape(shape: Readonly<Record<string, z.ZodType>>, path: string): StructuralSchema {
  const required = Object.keys(shape).filter((name) => shape[name] && !isOptional(shape[name]));
  return {
    type: "object",
    properties: Object.fromEntries(
      Object.entries(shape).map(([name, member]) => [name, structuralSchema(member, `${path}.${name}`)]),
    ),
    ...(required.length > 0 && { required }),
  };
}

function recordShape(value: z.ZodType, path: string): StructuralSchema {
  if (value instanceof z.ZodUnknown) return { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  return { type: "object", additionalProperties: structuralSchema(value, `${path}.*`) };
}

function literalShape(values: readonly unknown[]): StructuralSchema {
  const known = values.filter((value) => typeof value === "string" || typeof value === "number");
  return { type: typeof known[0] === "number" ? "integer" : "string", enum: known };
}
