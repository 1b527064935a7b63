/** Fields of Calico's schema on which this version does not act: where a resource has them, and what that means for it. */
import type { KindDefinition, UnsupportedField } from "./kind.ts";
import { formatPath, type PathStep, type Problem, type Warning } from "./problem.ts";

export interface UnsupportedFound {
  /** What is `refused`. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly Warning[];
}

export function findUnsupported(definition: KindDefinition, value: unknown): UnsupportedFound {
  const problems: Problem[] = [];
  const warnings: Warning[] = [];
  for (const field of definition.unsupported) {
    const { effect } = field;
    for (const found of valuesAt(value, field.path.split(".")).filter((at) => isMeant(field, at.value))) {
      const problem = { path: formatPath(found.path), value: found.value, reason: reasonOf(definition, field) };
      if (effect === "refused") problems.push(problem);
      else warnings.push({ effect, ...problem });
    }
  }
  return { problems, warnings };
}

/** What the field's presence comes to, in words that follow the field's name. */
export function reasonOf(definition: KindDefinition, field: UnsupportedField): string {
  const instead = field.accepted?.length ? `; leave it out or write ${field.accepted.join(" or ")}` : "";
  return `${meaningOf(definition, field)}${instead}`;
}

const notActedOn = "is stored, and this version of Brindle does not act on it";

function meaningOf({ whileWithheld }: KindDefinition, { effect, path, meanwhile }: UnsupportedField): string {
  switch (effect) {
    case "refused":
      return `is not supported by this version of Brindle${meanwhile ? `: ${meanwhile}` : ""}`;
    case "ignored":
      return meanwhile ? `${notActedOn}: ${meanwhile}` : notActedOn;
    case "withheld":
      return `${notActedOn}: ${meanwhile ?? whileWithheld ?? "all of the resource counts as absent"}${path === "spec" ? "" : " until it is removed"}`;
  }
}

/** An empty list asks for nothing. */
function isMeant({ accepted, only }: UnsupportedField, value: unknown): boolean {
  if (Array.isArray(value) && value.length === 0) return false;
  return only ? only.includes(value) : !accepted?.some((other) => isSame(other, value));
}

/** Calico takes some words in any case; where it does not, another case is an error before it gets here. */
function isSame(a: unknown, b: unknown): boolean {
  return typeof a === "string" && typeof b === "string" ? a.toLowerCase() === b.toLowerCase() : a === b;
}

/** Every value at a path like `spec.ingress[].http`. */
function valuesAt(
  value: unknown,
  steps: readonly string[],
  path: readonly PathStep[] = [],
): { readonly path: readonly PathStep[]; readonly value: unknown }[] {
  const [step, ...rest] = steps;
  if (step === undefined) return [{ path, value }];
  const name = step.replace("[]", "");
  if (!isRecord(value) || !Object.hasOwn(value, name)) return [];
  const member = value[name];
  if (!step.endsWith("[]")) return valuesAt(member, rest, [...path, name]);
  if (!Array.isArray(member)) return [];
  return member.flatMap((item, i) => valuesAt(item, rest, [...path, name, i]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
