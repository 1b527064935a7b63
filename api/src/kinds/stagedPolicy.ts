/** What the staged forms of policies share: they say what a policy would be, and nothing is let through or stopped. */
import { oneOf } from "./fields.ts";
import type { UnsupportedField } from "./kind.ts";
import { type PolicySpec, policyWithDefaults } from "./policy.ts";
import type { Problem } from "./problem.ts";
import type { Resource } from "./resource.ts";
import { type CelRule, field, optional, type Shape } from "./schema.ts";

/** What happens to the policy of that name when the stage is made real. */
export type StagedAction = "Set" | "Delete" | "Learn" | "Ignore";

export interface Staged {
  readonly stagedAction?: StagedAction;
}

export const stagedShape: Shape<Staged> = {
  stagedAction: optional(
    field(
      oneOf("Set", "Delete", "Learn", "Ignore"),
      "What is meant for the policy of this name: to be set to this, to be deleted, or to stay.",
      { default: "Set" },
    ),
  ),
};

/** They are asked by nobody but who wants to know what they would change. */
export const unsupportedInStaged: readonly UnsupportedField[] = [];

/** A stage that deletes names a policy and says nothing of its content. `kept` are the fields it may have. */
export function checkStagedDelete(spec: Staged & object, kept: readonly string[]): Problem[] {
  if (spec.stagedAction !== "Delete") return [];
  return Object.entries(spec)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .filter(([name, value]) => !["stagedAction", ...kept].includes(name) && !isEmpty(value))
    .map(([name, value]) => ({ path: `spec.${name}`, value, reason: "must be left out with stagedAction Delete" }));
}

/** As much of it as costs an API server little to ask. */
export const stagedDeleteRules: readonly CelRule[] = [
  {
    rule:
      "!has(self.spec.stagedAction) || self.spec.stagedAction != 'Delete' || " +
      "((!has(self.spec.ingress) || size(self.spec.ingress) == 0) && (!has(self.spec.egress) || size(self.spec.egress) == 0))",
    message: "has no rules with stagedAction Delete",
    fieldPath: ".spec",
  },
];

/** What Go's struct holds where nothing was written. */
function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return value === "" || value === false;
}

export function stagedWithDefaults<R extends Resource<string, PolicySpec & Staged>>(policy: R): R {
  const defaulted = policyWithDefaults(policy);
  const { types, ...spec } = defaulted.spec;
  const stagedAction = spec.stagedAction ?? "Set";
  // The types of a stage that deletes are content too.
  const typed = stagedAction === "Delete" ? policy.spec.types : types;
  return { ...defaulted, spec: { ...spec, stagedAction, ...(typed && { types: typed }) } };
}
