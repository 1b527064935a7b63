/**
 * Building blocks of the daemon's YAML: values that say what is wrong with them in words, and fields with the sentence
 * that the reference prints of them.
 */
import * as z from "zod";
import { shown } from "./shown.ts";

/** What may stand somewhere. */
export interface Value<T> {
  /** For the reference: `duration`, `list of prefix`. */
  readonly type: string;
  readonly schema: z.ZodType<T>;
}

export interface FieldNotes {
  readonly type: string;
  readonly description: string;
}

const notes = z.registry<FieldNotes>();

export function notesOf(schema: z.ZodType): FieldNotes | undefined {
  return notes.get(schema);
}

export type Parsed<T> = { readonly value: T } | { readonly fault: string };

/** Read from one value of YAML. A fault goes behind the value: `"4"` and `is no duration`. */
export function scalar<T>(type: string, parse: (value: unknown) => Parsed<T>): Value<T> {
  const schema = z.unknown().transform((input, context): T => {
    const parsed = parse(input);
    if ("value" in parsed) return parsed.value;
    context.issues.push({
      code: "custom",
      message: input === undefined ? "is missing" : `${shown(input)} ${parsed.fault}`,
      input,
    });
    return z.NEVER;
  });
  return { type, schema: schema as z.ZodType<T> };
}

export function listOf<T>(
  { type, schema }: Value<T>,
  { min = 0 }: { readonly min?: number } = {},
): Value<readonly T[]> {
  const whole = z.array(schema, { error: isNo("list") }).check(({ value, issues }) => {
    if (value.length < min) issues.push({ code: "custom", message: "[] is an empty list", input: value });
  });
  return { type: `list of ${type}`, schema: whole };
}

/** A schema for each member of `T`: optional members, and only those, have optional schemas. */
export type Shape<T> = {
  readonly [K in keyof T]-?: undefined extends T[K]
    ? z.ZodExactOptional<z.ZodType<Exclude<T[K], undefined>>>
    : z.ZodType<T[K]>;
};

/** Fields by their names, and no others. */
export function map<T extends object>(type: string, shape: Shape<T>): Value<T> {
  return { type, schema: z.strictObject(shape, { error: isNo("map") }) as unknown as z.ZodType<T> };
}

/** Values by names that people choose. */
export function named<T>({ type, schema }: Value<T>): Value<Readonly<Record<string, T>>> {
  return { type: `map of ${type}`, schema: z.record(z.string(), schema, { error: isNo("map") }) };
}

/** Either of two forms, told apart by what stands there. */
export function either<A, B>(a: Value<A>, b: Value<B>, isA: (value: unknown) => boolean): Value<A | B> {
  const schema = z.unknown().transform((input, context): A | B => {
    const result = (isA(input) ? a : b).schema.safeParse(input);
    if (result.success) return result.data;
    for (const issue of result.error.issues) context.issues.push({ ...issue, input } as z.core.$ZodRawIssue);
    return z.NEVER;
  });
  return { type: `${a.type}, or ${b.type}`, schema: schema as z.ZodType<A | B> };
}

/** A field that may be left out. */
export function optional<T>({ type, schema }: Value<T>, description: string): z.ZodExactOptional<z.ZodType<T>> {
  const noted = z.exactOptional(schema);
  notes.add(noted, { type, description });
  return noted;
}

export function required<T>({ type, schema }: Value<T>, description: string): z.ZodType<T> {
  const noted = schema.clone(schema.def, { parent: true });
  notes.add(noted, { type, description });
  return noted;
}

function isNo(what: "map" | "list"): z.core.$ZodErrorMap {
  return ({ code, input }) => (code === "invalid_type" ? `${shown(input)} is no ${what}` : undefined);
}
