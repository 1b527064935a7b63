/**
 * The schemas as functions that take what is right and nothing else. They answer what zod would answer, in a quarter of
 * its time, since they need not be able to say what is wrong: that is asked of zod, of the few values that are.
 */
import * as z from "zod";

/** What a parser answers for a value that is wrong somewhere, or has a member that no schema knows where such are refused. */
export const notRight: unique symbol = Symbol("not right");

export type QuickParser = (value: unknown) => unknown;

/** Members that no schema knows: kept behind the others as zod keeps them, or a reason to ask zod. */
export type Unknowns = "kept" | "refused";

export function quickParser(schema: z.core.$ZodType, unknowns: Unknowns): QuickParser {
  const parse = ownParser(schema, unknowns);
  return parse
    ? withChecks(schema, parse)
    : (value) => answerOf(schema._zod.run({ value, issues: [] }, { async: false }));
}

/** `null` for what is rare: zod parses it itself, its checks with it. */
function ownParser(schema: z.core.$ZodType, unknowns: Unknowns): QuickParser | null {
  if (schema instanceof z.ZodExactOptional) return quickParser(schema.def.innerType, unknowns);
  if (schema instanceof z.ZodObject) return objectParser(schema.shape, unknowns);
  if (schema instanceof z.ZodArray) return arrayParser(quickParser(schema.element, unknowns));
  if (schema instanceof z.ZodString && !schema.format) return (value) => (typeof value === "string" ? value : notRight);
  if (schema instanceof z.ZodNumber && !schema.format) return (value) => (Number.isFinite(value) ? value : notRight);
  if (schema instanceof z.ZodBoolean) return (value) => (typeof value === "boolean" ? value : notRight);
  if (schema instanceof z.ZodEnum) return memberOf(schema.options);
  if (schema instanceof z.ZodLiteral) return memberOf(schema.values);
  if (schema instanceof z.ZodUnion) return firstOf(schema.options.map((option) => quickParser(option, unknowns)));
  if (schema instanceof z.ZodRecord && isText(schema.keyType) && isText(schema.valueType)) return textsByName;
  if (schema instanceof z.ZodTransform) return transformed(schema.def.transform);
  if (schema instanceof z.ZodPipe) return inTurn(quickParser(schema.in, unknowns), quickParser(schema.out, unknowns));
  return null;
}

interface MemberParser {
  readonly name: string;
  readonly parse: QuickParser;
  readonly mayBeLeftOut: boolean;
  /** `undefined` asks it for its default. */
  readonly hasDefault: boolean;
}

type Given = Readonly<Record<string, unknown>>;

function objectParser(shape: Readonly<Record<string, z.core.$ZodType>>, unknowns: Unknowns): QuickParser {
  const members = Object.entries(shape).map(
    ([name, schema]): MemberParser => ({
      name,
      parse: quickParser(schema, unknowns),
      mayBeLeftOut: schema instanceof z.ZodExactOptional,
      hasDefault: schema instanceof z.ZodDefault,
    }),
  );
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return notRight;
    const given = value as Given;
    const inOrder = parsedInOrder(given, members);
    if (inOrder !== outOfOrder) return inOrder;
    const parsed: Record<string, unknown> = {};
    let known = 0;
    for (const { name, parse, mayBeLeftOut, hasDefault } of members) {
      const member = given[name];
      if (member !== undefined) known += 1;
      else if (mayBeLeftOut) continue;
      else if (!hasDefault) return notRight;
      const taken = parse(member);
      if (taken === notRight) return notRight;
      parsed[name] = taken;
    }
    if (known === Object.keys(given).length) return parsed;
    return unknowns === "kept" ? withUnknown(parsed, given, shape) : notRight;
  };
}

/** What `parsedInOrder` answers for a value that has its members in another order, lacks one, or has one that no schema knows. */
const outOfOrder: unique symbol = Symbol("out of order");

/**
 * Of a value with the members of the schema and no others, in their order: as whatever was stored by Go or by us. It is the
 * value itself, unless one of its members is to be another: to make each anew took half of the time, and twice the garbage.
 */
function parsedInOrder(given: Given, members: readonly MemberParser[]): unknown {
  let changed: Record<string, unknown> | null = null;
  let at = 0;
  for (const name in given) {
    let known = members[at];
    while (known !== undefined && known.name !== name) {
      if (!known.mayBeLeftOut) return outOfOrder;
      at += 1;
      known = members[at];
    }
    const member = given[name];
    if (known === undefined || member === undefined) return outOfOrder;
    const taken = known.parse(member);
    if (taken === notRight) return notRight;
    if (taken !== member) changed = Object.assign(changed ?? { ...given }, { [name]: taken });
    at += 1;
  }
  for (; at < members.length; at++) if (members[at]?.mayBeLeftOut !== true) return outOfOrder;
  return changed ?? given;
}

function withUnknown(
  parsed: Record<string, unknown>,
  given: Readonly<Record<string, unknown>>,
  shape: object,
): unknown {
  for (const [name, member] of Object.entries(given)) {
    if (name === "__proto__") return notRight;
    if (!Object.hasOwn(shape, name)) parsed[name] = member;
  }
  return parsed;
}

function arrayParser(parseItem: QuickParser): QuickParser {
  return (value) => {
    if (!Array.isArray(value)) return notRight;
    let changed: unknown[] | null = null;
    for (let at = 0; at < value.length; at++) {
      const item: unknown = value[at];
      const taken = parseItem(item);
      if (taken === notRight) return notRight;
      if (taken === item) continue;
      changed ??= [...value];
      changed[at] = taken;
    }
    return changed ?? value;
  };
}

/** Labels and annotations, whose parsing by zod took a tenth of reading an endpoint. */
function textsByName(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return notRight;
  const given = value as Given;
  for (const name in given) if (typeof given[name] !== "string" || name === "__proto__") return notRight;
  return value;
}

function isText(schema: z.core.$ZodType): boolean {
  return schema instanceof z.ZodString && !schema.format && (schema.def.checks ?? []).length === 0;
}

function memberOf(values: Iterable<unknown>): QuickParser {
  const [first, ...others] = values;
  if (others.length === 0) return (value) => (value === first ? value : notRight);
  const known = new Set<unknown>([first, ...others]);
  return (value) => (known.has(value) ? value : notRight);
}

function firstOf(parsers: readonly QuickParser[]): QuickParser {
  return (value) => {
    for (const parse of parsers) {
      const parsed = parse(value);
      if (parsed !== notRight) return parsed;
    }
    return notRight;
  };
}

function inTurn(first: QuickParser, then: QuickParser): QuickParser {
  return (value) => {
    const parsed = first(value);
    return parsed === notRight ? notRight : then(parsed);
  };
}

/** What zod does to one value at a time, without its guard against values that hold themselves. */
function transformed(transform: z.core.$ZodTransformDef["transform"]): QuickParser {
  return (value) => {
    const issues: z.core.$ZodRawIssue[] = [];
    const context = { value, issues, addIssue: (issue: z.core.$ZodRawIssue) => issues.push(issue) };
    const taken = transform(value, context);
    return issues.length > 0 ? notRight : taken;
  };
}

function withChecks(schema: z.core.$ZodType, parse: QuickParser): QuickParser {
  const checks = (schema._zod.def.checks ?? []).map(({ _zod }) => _zod);
  if (checks.length === 0) return parse;
  const payload: z.core.ParsePayload<never> = { value: null as never, issues: [] }; // One for all, as long as all are right.
  return (value) => {
    const parsed = parse(value);
    if (parsed === notRight) return notRight;
    payload.value = parsed as never;
    for (const check of checks) {
      if (!check.def.when || check.def.when(payload)) check.check(payload);
      if (payload.issues.length === 0) continue;
      payload.issues = [];
      return notRight;
    }
    return payload.value;
  };
}

function answerOf(result: z.core.util.MaybeAsync<z.core.ParsePayload>): unknown {
  if (result instanceof Promise) throw new TypeError("a schema of ours has no promises");
  return result.issues.length > 0 ? notRight : result.value;
}
