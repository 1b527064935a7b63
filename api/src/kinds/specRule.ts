/** Rules across the fields of a spec, each said once: for `check`, and for the schema of a CRD. */
import type { Draft } from "./kind.ts";
import type { Problem } from "./problem.ts";
import type { AnyResource } from "./resource.ts";
import type { CelRule } from "./schema.ts";

export interface SpecRule<Spec> {
  /** Where the fault is shown. */
  readonly field: keyof Spec & string;
  /** What else it is about. It is not judged while one of the fields is wrong by itself. */
  readonly others: readonly (keyof Spec & string)[];
  readonly message: string;
  /** In the Common Expression Language; left out where it cannot say this. */
  readonly cel?: string;
  holds(spec: Partial<Spec>): boolean;
}

export function brokenRules<R extends AnyResource>(
  rules: readonly SpecRule<R["spec"]>[],
  { spec, wrong }: Draft<R>,
): Problem[] {
  return rules
    .filter(({ field, others }) => ![field, ...others].some((name) => wrong.has(name)))
    .filter((rule) => !rule.holds(spec))
    .map(({ field, message }) => ({ path: `spec.${field}`, value: spec[field], reason: message }));
}

export function celRules<Spec>(rules: readonly SpecRule<Spec>[]): CelRule[] {
  return rules.flatMap(({ cel, message, field }) =>
    cel === undefined ? [] : [{ rule: cel, message, fieldPath: `.spec.${field}` }],
  );
}

export function celHas(field: string): string {
  return `has(self.spec.${field})`;
}

/** At most one of the fields is given; the fault is shown at the last of them. */
export function exclusive<Spec>(...fields: readonly (keyof Spec & string)[]): SpecRule<Spec> {
  const field = fields.at(-1);
  if (field === undefined) throw new Error("a rule about no field");
  return {
    field,
    others: fields.slice(0, -1),
    message: `cannot be given together with ${fields.slice(0, -1).join(" or ")}`,
    cel: `[${fields.map(celHas).join(", ")}].filter(given, given).size() <= 1`,
    holds: (spec) => fields.filter((name) => spec[name] !== undefined).length <= 1,
  };
}
