/**
 * Schemas that the compiler holds to the documented interfaces. The order of the fields is that of Calico's Go
 * structs: a parsed value has its members in it, and is stored so. Unknown members pass (a newer Calico's must survive
 * our read and write) and come last; `findUnknown` names them where a person wrote the value.
 */
import * as z from "zod";
import { nearest, type PathStep } from "./problem.ts";

/** A schema for each member of `T`: optional members, and only those, have optional schemas. */
export type Shape<T> = {
  readonly [K in keyof T]-?: undefined extends T[K]
    ? z.ZodExactOptional<z.ZodType<Exclude<T[K], undefined>>>
    : z.ZodType<T[K]>;
};

/** Says what is wrong with members that are each right. */
export type CheckMembers<T> = (value: T, report: (path: readonly PathStep[], reason: string) => void) => void;

export function object<T extends object>(shape: Shape<T>, check?: CheckMembers<T>): z.ZodType<T> {
  const schema = z.looseObject(shape) as unknown as z.ZodType<T>; // `Shape<T>` states what zod would infer.
  if (!check) return schema;
  let judged: z.core.ParsePayload<T> | null = null;
  // One for all values, as nothing is judged while another is: endpoints and policies come by the hundred thousand.
  const report = (path: readonly PathStep[], message: string): void => {
    judged?.issues.push({ code: "custom", path: [...path], message, input: judged.value, continue: true });
  };
  return schema.check((context) => {
    judged = context;
    check(context.value, report);
    judged = null;
  });
}

export function optional<T>(schema: z.ZodType<T>): z.ZodExactOptional<z.ZodType<T>> {
  return z.exactOptional(schema);
}

/** A rule of the Common Expression Language, as `x-kubernetes-validations` has it. */
export interface CelRule {
  readonly rule: string;
  readonly message: string;
  /** Where in the resource the fault is: `.spec.cidr`. */
  readonly fieldPath?: string;
}

/** What a field is, for a person and for the schema of a CRD. */
export interface FieldNotes {
  /** A sentence: what the field does, its unit, what holds where it is left out. */
  readonly description: string;
  /** What holds where it is left out, if that is one value. The API server writes it; so does `withDefaults`. */
  readonly default?: unknown;
  /** `self` is the value of the field. */
  readonly rules?: readonly CelRule[];
}

/** The same schema, with notes that `notesOf` reads. */
export function field<T>(
  schema: z.ZodType<T>,
  description: string,
  notes: Omit<FieldNotes, "description"> = {},
): z.ZodType<T> {
  const noted = copyOf(schema);
  fieldNotes.add(noted, { description, ...notes });
  return noted;
}

export function notesOf(schema: z.ZodType): FieldNotes | undefined {
  return fieldNotes.get(schema);
}

const fieldNotes = z.registry<FieldNotes>();

/**
 * What OpenAPI can say of a value: a weaker form of what the schema checks, never a stricter one. Builders note it beside
 * their checks, so that nobody says a bound twice; what a `checked` schema inherits stays.
 */
export interface OpenApi {
  readonly type?: "string" | "integer" | "number" | "boolean" | "object";
  readonly format?: "int32" | "int64";
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  /** Of RE2, as Go has it. Of a value that may be a number, it is about the text. */
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly additionalProperties?: { readonly type: "string" };
  readonly "x-kubernetes-list-type"?: "set";
  readonly "x-kubernetes-int-or-string"?: true;
  readonly "x-kubernetes-preserve-unknown-fields"?: true;
}

export function withOpenApi<T>(schema: z.ZodType<T>, openApi: OpenApi): z.ZodType<T> {
  const noted = copyOf(schema);
  openApiNotes.add(noted, openApi);
  return noted;
}

export function openApiOf(schema: z.ZodType): OpenApi {
  return openApiNotes.get(schema) ?? {};
}

const openApiNotes = z.registry<OpenApi>();

/** It has the notes of the original, as zod's registries do it for a copy that knows its parent. */
function copyOf<T>(schema: z.ZodType<T>): z.ZodType<T> {
  return schema.clone(schema.def, { parent: true });
}

/** No list is without a bound: the cost of a rule over it must have one too. */
const entriesMax = 10_000;

export function list<T>(
  item: z.ZodType<T>,
  { min = 0, max = entriesMax }: { readonly min?: number; readonly max?: number } = {},
): z.ZodType<readonly T[]> {
  const schema = z.array(item).check((context) => {
    const { length } = context.value;
    if (length > max) push(context, `has ${length} entries, at most ${max} are allowed`);
    if (length < min) push(context, `has ${length} entries, at least ${min} are needed`);
  });
  return withOpenApi(schema, { ...(min > 0 && { minItems: min }), maxItems: max });
}

/** Like a list in which nothing may stand twice. */
export function set<T>(
  item: z.ZodType<T>,
  limits: { readonly min?: number; readonly max?: number } = {},
): z.ZodType<readonly T[]> {
  const schema = list(item, limits).check((context) => {
    if (new Set(context.value).size !== context.value.length) push(context, "has an entry twice");
  });
  return withOpenApi(schema, { "x-kubernetes-list-type": "set" });
}

/** `fault` says why a value is wrong, or `null`. */
export function checked<T>(schema: z.ZodType<T>, fault: (value: T) => string | null): z.ZodType<T> {
  return schema.check((context) => {
    const reason = fault(context.value);
    if (reason !== null) push(context, reason);
  });
}

export interface UnknownMember {
  readonly path: readonly PathStep[];
  readonly value: unknown;
  readonly reason: string;
}

/** Members that no schema knows, each with the known name that is nearest. */
export function findUnknown(schema: unknown, value: unknown): UnknownMember[] {
  const found: UnknownMember[] = [];
  collectUnknown(schema, value, { path: [], found });
  return found;
}

/** `path` is where `value` stands; it is lengthened and shortened on the way, since almost nothing is unknown. */
function collectUnknown(declared: unknown, value: unknown, at: { path: PathStep[]; found: UnknownMember[] }): void {
  if (typeof value !== "object" || value === null) return;
  const schema = declared instanceof z.ZodExactOptional ? declared.def.innerType : declared;
  if (schema instanceof z.ZodArray && Array.isArray(value)) {
    for (const [i, item] of value.entries()) descend(schema.element, item, i, at);
  }
  if (!(schema instanceof z.ZodObject)) return;
  const shape: Record<string, unknown> = schema.shape;
  for (const [name, member] of Object.entries(value)) {
    if (Object.hasOwn(shape, name)) descend(shape[name], member, name, at);
    else at.found.push({ path: [...at.path, name], value: member, reason: unknownReason(name, Object.keys(shape)) });
  }
}

function descend(
  schema: unknown,
  value: unknown,
  step: PathStep,
  at: { path: PathStep[]; found: UnknownMember[] },
): void {
  at.path.push(step);
  collectUnknown(schema, value, at);
  at.path.pop();
}

function unknownReason(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  return meant ? `is no known field; did you mean ${meant}?` : `is no known field; known here: ${known.join(", ")}`;
}

function push<T>(context: z.core.ParsePayload<T>, message: string): void {
  context.issues.push({ code: "custom", message, input: context.value });
}
