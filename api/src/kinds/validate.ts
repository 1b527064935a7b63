/**
 * From what a person wrote, or a datastore holds, to a resource. The two are judged differently. A person is told every
 * problem at once, unknown fields included, and warned of fields this version does not act on. What is stored already may come from
 * a newer Calico: unknown fields are kept. Whoever acts on a resource asks `validate`, and looks at the warnings.
 */
import * as z from "zod";
import { isRecord, withoutNullMembers } from "../json/json.ts";
import { isIpamKind } from "./ipam.ts";
import type { KindDefinition } from "./kind.ts";
import { isResourceKind, kinds, type ResourceKind, type Resources, resourceKinds } from "./kinds.ts";
import { formatPath, nearest, type PathStep, type Problem, type Warning } from "./problem.ts";
import { notRight, type QuickParser, quickParser, type Unknowns } from "./quickParser.ts";
import { metadataSchema } from "./resource.ts";
import { findUnknown, type UnknownMember } from "./schema.ts";
import { findUnsupported } from "./unsupported.ts";

export type AnyKindOfResource = Resources[ResourceKind];

export type Validation<R = AnyKindOfResource> =
  /** With Calico's defaults, and its members in the order of Calico's own. */
  { readonly kind: "valid"; readonly resource: R; readonly warnings: readonly Warning[] } | Invalid;

export type DecodedResource<R> = { readonly kind: "valid"; readonly resource: R } | Invalid;

export interface Invalid {
  readonly kind: "invalid";
  readonly problems: readonly Problem[];
}

/** Judges one document of a manifest. */
export function validate(document: unknown): Validation {
  const value = withoutNullMembers(document);
  const kind = isRecord(value) ? value.kind : undefined;
  if (!isRecord(value)) return invalid([{ path: "", value: document, reason: "is no resource" }]);
  if (typeof kind !== "string" || !isResourceKind(kind)) return invalid([unknownKind(kind)]);
  return validateAs(kind, value);
}

/** What may not change: empty when `after` may replace `before`. */
export function checkUpdate<K extends ResourceKind>(
  kind: K,
  before: Resources[K],
  after: Resources[K],
): readonly Problem[] {
  return kinds[kind].checkUpdate?.(before, after) ?? [];
}

/** A resource as it is stored: unknown members kept, nulls (which Go writes for what is empty) dropped. */
export function decodeResource<K extends ResourceKind>(kind: K, stored: unknown): DecodedResource<Resources[K]> {
  const quick = quickParserOf(kind, "kept")(stored);
  // What is its own parsing has members that schemas know: none of these is null, but for those that schemas let be null.
  if (quick === stored) return { kind: "valid", resource: quick as Resources[K] };
  const value = withSpec(withoutNullMembers(stored));
  if (quick !== notRight && value === stored) return { kind: "valid", resource: quick as Resources[K] };
  const parsed = parse(kind, value, "kept");
  return parsed.success ? { kind: "valid", resource: parsed.data } : invalid(problemsOf(parsed.error, value));
}

/** What the spec of a stored resource has that no schema knows, as a newer Calico writes it. */
export function unknownInSpec<K extends ResourceKind>(kind: K, stored: Resources[K]): readonly UnknownMember[] {
  return findUnknown(schemaOf(kind), stored).filter(({ path: [first] }) => first === "spec");
}

function validateAs<K extends ResourceKind>(kind: K, document: Record<string, unknown>): Validation<Resources[K]> {
  const definition: KindDefinition<Resources[K]> = kinds[kind];
  const value = withSpec(document);
  const schema = schemaOf(kind);
  const parsed = parse(kind, value, "refused");
  const unsupported = findUnsupported(definition, parsed.success ? parsed.data : value);
  const problems = [
    ...(parsed.success ? [] : problemsOf(parsed.error, value)),
    ...(parsed.isAllKnown ? [] : findUnknown(schema, value))
      .filter(({ path }) => !ownedByServer(path))
      .map((unknown) => ({ ...unknown, path: formatPath(unknown.path) })),
    ...unsupported.problems,
    ...checkNamespace(definition, value),
    ...(parsed.success ? checkAll(definition, parsed.data) : checkRight(definition, value, parsed.error)),
  ];
  if (!parsed.success || problems.length > 0) return invalid(problems);
  const resource = inOrder(schema, parsed.data, definition.withDefaults(parsed.data)) as Resources[K];
  return { kind: "valid", resource, warnings: [...unsupported.warnings, ...(definition.advise?.(resource) ?? [])] };
}

/** Defaults come in any order; what they changed is put into Calico's, and the rest is in it already. */
function inOrder(schema: unknown, before: unknown, after: unknown): unknown {
  if (before === after) return after;
  if (schema instanceof z.ZodExactOptional) return inOrder(schema.def.innerType, before, after);
  if (!(schema instanceof z.ZodObject)) return schema instanceof z.ZodType ? schema.parse(after) : after;
  if (!isRecord(after)) return after;
  const shape: Readonly<Record<string, unknown>> = schema.shape;
  const earlier = isRecord(before) ? before : {};
  const ordered: Record<string, unknown> = {};
  for (const name in shape) {
    if (Object.hasOwn(after, name)) ordered[name] = inOrder(shape[name], earlier[name], after[name]);
  }
  return { ...ordered, ...after, ...ordered }; // The order of the first, and at the end what the schema does not know.
}

type Parsed<R> =
  | { readonly success: true; readonly data: R; readonly isAllKnown: boolean }
  | { readonly success: false; readonly error: z.ZodError; readonly isAllKnown: false };

/** What is right and all known is most of what there is; zod looks at the rest, to say what is wrong. */
function parse<K extends ResourceKind>(kind: K, value: unknown, unknowns: Unknowns): Parsed<Resources[K]> {
  const quick = quickParserOf(kind, unknowns)(value);
  if (quick !== notRight) return { success: true, data: quick as Resources[K], isAllKnown: unknowns === "refused" };
  return { ...schemaOf(kind).safeParse(value), isAllKnown: false };
}

const quickParsers = { kept: new Map<ResourceKind, QuickParser>(), refused: new Map<ResourceKind, QuickParser>() };

function quickParserOf(kind: ResourceKind, unknowns: Unknowns): QuickParser {
  const known = quickParsers[unknowns].get(kind) ?? quickParser(schemaOf(kind), unknowns);
  quickParsers[unknowns].set(kind, known);
  return known;
}

const schemas = new Map<ResourceKind, z.ZodType>();

function schemaOf<K extends ResourceKind>(kind: K): z.ZodType<Resources[K]> {
  let schema = schemas.get(kind);
  if (!schema) {
    const { apiVersion, spec, status } = kinds[kind];
    schema = z.looseObject({
      kind: z.literal(kind),
      apiVersion: z.literal(apiVersion),
      metadata: metadataSchema,
      spec,
      ...(status && { status: z.exactOptional(status) }),
    });
    schemas.set(kind, schema);
  }
  return schema as z.ZodType<Resources[K]>; // The members are those of `KindDefinition<Resources[K]>`.
}

function checkAll<K extends ResourceKind>(
  definition: KindDefinition<Resources[K]>,
  { metadata, spec }: Resources[K],
): readonly Problem[] {
  return definition.check?.({ metadata, spec: spec as Partial<Resources[K]["spec"]>, wrong: nothing }) ?? [];
}

const nothing: ReadonlySet<string> = new Set();

/** Calico's client runs each check on the whole; here each runs on the fields which are right by themselves. */
function checkRight<K extends ResourceKind>(
  definition: KindDefinition<Resources[K]>,
  value: Record<string, unknown>,
  error: z.ZodError,
): readonly Problem[] {
  const metadata = metadataSchema.safeParse(value.metadata);
  const wrong = new Set(error.issues.filter(({ path }) => path[0] === "spec").map(({ path }) => path[1]));
  const spec = value.spec;
  if (!definition.check || !metadata.success || !isRecord(spec) || wrong.has(undefined)) return [];
  const right = Object.fromEntries(Object.entries(spec).filter(([name]) => !wrong.has(name)));
  const together = definition.check({
    metadata: metadata.data,
    spec: right as Partial<Resources[K]["spec"]>,
    wrong: new Set([...wrong].map(String)),
  });
  return together.filter(({ path }) => !wrong.has(path.split(".")[1])); // It is wrong, not missing.
}

function checkNamespace({ kind, namespaced }: KindDefinition, value: Record<string, unknown>): Problem[] {
  const metadata = value.metadata;
  const namespace = isRecord(metadata) ? metadata.namespace : undefined;
  if (namespaced === (namespace !== undefined)) return [];
  const reason = namespaced ? "is missing" : `must not be given: a ${kind} belongs to no namespace`;
  return [{ path: "metadata.namespace", value: namespace, reason }];
}

function problemsOf(error: z.ZodError, value: unknown): Problem[] {
  return error.issues.map((issue) => {
    const found = issue.path.reduce<unknown>((at, step) => (isIndexable(at) ? at[step] : undefined), value);
    return { path: formatPath(issue.path), value: found, reason: reasonOf(issue, found) };
  });
}

const typeNames: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "a group of fields",
  record: "a group of names and values",
};

function reasonOf(issue: z.core.$ZodIssue, found: unknown): string {
  if (found === undefined && issue.code !== "custom") return "is missing";
  if (issue.code === "invalid_type") return `is not ${typeNames[issue.expected] ?? issue.expected}`;
  if (issue.code !== "invalid_value") return issue.message;
  if (issue.values.length === 1) return `is not ${String(issue.values[0])}`;
  const meant = typeof found === "string" ? nearest(found, issue.values.map(String)) : null;
  return `is none of ${issue.values.map(String).join(", ")}${meant ? `; did you mean ${meant}?` : ""}`;
}

function unknownKind(kind: unknown): Problem {
  if (typeof kind === "string" && isIpamKind(kind)) {
    return {
      path: "kind",
      value: kind,
      reason: "is written by address management alone, since its objects rest on each other",
    };
  }
  const meant = typeof kind === "string" ? nearest(kind, resourceKinds) : null;
  const reason = kind === undefined ? "is missing" : "is no kind that this version of Brindle knows";
  return { path: "kind", value: kind, reason: meant ? `${reason}; did you mean ${meant}?` : reason };
}

/** What `kubectl get -o yaml` prints beside what a person wrote. A status is kept, and changed by nobody who applies. */
function ownedByServer([first, second]: readonly PathStep[]): boolean {
  if (first === "metadata") return metadataOfServers.has(String(second));
  return first === "status" && second === undefined;
}

const metadataOfServers: ReadonlySet<string> = new Set([
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "finalizers",
  "generateName",
  "generation",
  "managedFields",
  "ownerReferences",
  "selfLink",
]);

function withSpec<T>(value: T): T {
  return isRecord(value) && value.spec === undefined ? { ...value, spec: {} } : value;
}

function invalid(problems: readonly Problem[]): Invalid {
  return { kind: "invalid", problems };
}

function isIndexable(value: unknown): value is Record<PathStep, unknown> {
  return typeof value === "object" && value !== null;
}
