import assert from "node:assert/strict";
import { describe, it } from "vitest";
import * as z from "zod";
import { flag, integer, oneOf, text } from "../kinds/fields.ts";
import { isIpamKind } from "../kinds/ipam.ts";
import { field, list, notesOf, object, optional, set } from "../kinds/schema.ts";
import { crdKinds, customResourceDefinition } from "./customResourceDefinition.ts";
import { isOptional, type StructuralSchema, structuralSchema } from "./openApiSchema.ts";

const schemas: { name: string; schema: z.ZodType; expected: StructuralSchema }[] = [
  { name: "text", schema: text, expected: { type: "string" } },
  { name: "a flag", schema: flag, expected: { type: "boolean" } },
  {
    name: "a number with its bounds",
    schema: integer(1, 0xffffffff),
    expected: { type: "integer", format: "int64", minimum: 1, maximum: 0xffffffff },
  },
  { name: "words", schema: oneOf("A", "B"), expected: { type: "string", enum: ["A", "B"] } },
  {
    name: "a list with its limits",
    schema: list(text, { min: 1, max: 3 }),
    expected: {
      type: "array",
      items: { type: "string" },
      "x-kubernetes-list-type": "atomic",
      minItems: 1,
      maxItems: 3,
    },
  },
  {
    name: "a set",
    schema: set(text, { max: 3 }),
    expected: { type: "array", items: { type: "string" }, "x-kubernetes-list-type": "set", maxItems: 3 },
  },
  {
    name: "a map of anything",
    schema: z.record(z.string(), z.unknown()),
    expected: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  },
  {
    name: "what may be null, and what has a default when it is read",
    schema: z.array(z.int().nullable()).default([]),
    expected: {
      type: "array",
      items: { type: "integer", nullable: true },
      "x-kubernetes-list-type": "atomic",
    },
  },
  {
    name: "a group with what is needed, words, defaults and rules",
    schema: field(
      object<{ readonly a: string; readonly b?: boolean }>({
        a: field(text, "The first."),
        b: optional(field(flag, "The second.", { default: true })),
      }),
      "Both.",
      { rules: [{ rule: "self.a != ''", message: "a is empty" }] },
    ),
    expected: {
      description: "Both.",
      type: "object",
      properties: {
        a: { description: "The first.", type: "string" },
        b: { description: "The second.", type: "boolean", default: true },
      },
      required: ["a"],
      "x-kubernetes-validations": [{ rule: "self.a != ''", message: "a is empty" }],
    },
  },
];

describe("structuralSchema says of", () => {
  it.each(schemas)("$name what the declaration says", ({ schema, expected }) => {
    assert.deepEqual(structuralSchema(schema), expected);
  });

  it("a schema that tells nothing of itself where it stands", () => {
    const shape = z.object({ a: z.array(z.union([z.string(), z.boolean()])) });
    assert.throws(() => structuralSchema(shape), /^Error: \.a\[\]: a schema of type union/);
  });
});

/** Every schema below `schema`, by its path. */
function* fieldsOf(
  schema: z.ZodType,
  path: string,
): Generator<{ readonly path: string; readonly isDescribed: boolean }> {
  if (isOptional(schema)) return yield* fieldsOf(schema.def.innerType as z.ZodType, path);
  if (schema instanceof z.ZodArray) return yield* fieldsOf(schema.element as z.ZodType, `${path}[]`);
  if (!(schema instanceof z.ZodObject)) return;
  for (const [name, member] of Object.entries(schema.shape as Readonly<Record<string, z.ZodType>>)) {
    const at = `${path}.${name}`;
    yield { path: at, isDescribed: /^\S.*[.]$/s.test(describedBy(member)) };
    yield* fieldsOf(member, at);
  }
}

function describedBy(schema: z.ZodType): string {
  const own = notesOf(schema)?.description;
  if (own !== undefined || !isOptional(schema)) return own ?? "";
  return describedBy(schema.def.innerType as z.ZodType);
}

describe("every kind that has a CRD", () => {
  it("is one that Kubernetes has not itself", () => {
    const kinds = crdKinds.map(({ kind }) => kind);
    assert.ok(kinds.length > 20);
    assert.deepEqual(
      ["Node", "WorkloadEndpoint", "Profile", "IPPool", "IPAMBlock"].map((kind) => kinds.includes(kind)),
      [false, false, false, true, true],
    );
  });

  it.each(crdKinds)("$kind describes each of its fields in a sentence", ({ spec, status }) => {
    const fields = [...fieldsOf(spec, "spec"), ...(status ? fieldsOf(status, "status") : [])];
    assert.deepEqual(
      fields.filter(({ isDescribed }) => !isDescribed).map(({ path }) => path),
      [],
    );
  });

  it.each(crdKinds)("$kind has a column for its condition if it has one, and one of each name", (definition) => {
    const text = JSON.stringify(customResourceDefinition(definition));
    const headers = [...text.matchAll(/"name":"([A-Z ]+)","type"/g)].map(([, header]) => header);
    assert.equal(headers.includes("ACCEPTED"), !isIpamKind(definition.kind));
    assert.equal(new Set(headers).size, headers.length);
  });
});
