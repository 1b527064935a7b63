/** Tiers put policies into groups that are asked one after the other. */
import * as z from "zod";
import { oneOf, text } from "./fields.ts";
import { goFloat } from "./goFloat.ts";
import { type KindDefinition, nameColumn } from "./kind.ts";
import { defaultTier } from "./policy.ts";
import type { Problem } from "./problem.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { type CelRule, field, list, object, optional } from "./schema.ts";

export interface TierSpec {
  /** Lower goes first. */
  readonly order?: number;
  readonly defaultAction?: "Deny" | "Pass";
}

export interface TierStatus {
  readonly conditions?: readonly Condition[];
}

/** As Kubernetes has them everywhere. */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly observedGeneration?: number;
  readonly lastTransitionTime: string;
  readonly reason: string;
  readonly message: string;
}

export interface Tier extends Resource<"Tier", TierSpec> {
  readonly status?: TierStatus;
}

export const defaultTierOrder = 1_000_000;

/** Those that Calico makes by itself: what they are for depends on these values, so nothing else is allowed in them. */
export const builtInTiers: Readonly<Record<string, Required<TierSpec>>> = {
  [defaultTier]: { order: defaultTierOrder, defaultAction: "Deny" },
  "kube-admin": { order: 1_000, defaultAction: "Pass" },
  "kube-baseline": { order: 10_000_000, defaultAction: "Pass" },
};

const builtInRules: readonly CelRule[] = Object.entries(builtInTiers).flatMap(([name, { order, defaultAction }]) => [
  {
    rule: `self.metadata.name != '${name}' || (has(self.spec.order) && self.spec.order == ${order}.0)`,
    message: `must be ${order} in tier ${name}`,
    fieldPath: ".spec.order",
  },
  {
    rule: `self.metadata.name != '${name}' || (has(self.spec.defaultAction) && self.spec.defaultAction == '${defaultAction}')`,
    message: `must be ${defaultAction} in tier ${name}`,
    fieldPath: ".spec.defaultAction",
  },
]);

const order = (tier: Tier) => tier.spec.order ?? defaultTierOrder;

export const tierKind: KindDefinition<Tier> = {
  apiVersion,
  kind: "Tier",
  plural: "tiers",
  description:
    "A group of policies. A packet is judged by the tiers in turn; what no policy of a tier decides, its default action does.",
  aliases: [],
  namespaced: false,
  spec: object<TierSpec>({
    order: optional(
      field(z.number(), "The tier with the lower number goes first; tiers of one number go by name.", {
        default: defaultTierOrder,
      }),
    ),
    defaultAction: optional(
      field(oneOf("Deny", "Pass"), "What becomes of a packet that policies of the tier select and none decides on.", {
        default: "Deny",
      }),
    ),
  }),
  status: object<TierStatus>({
    conditions: optional(
      field(
        list(
          object<Condition>({
            type: field(text, "What is told."),
            status: field(oneOf("True", "False", "Unknown"), "Whether it is so."),
            observedGeneration: optional(field(z.number(), "Which generation of the resource it is about.")),
            lastTransitionTime: field(text, "When status changed last."),
            reason: field(text, "Why, in a word for programs."),
            message: field(text, "Why, in words for people."),
          }),
        ),
        "What controllers found.",
      ),
    ),
  }),
  unsupported: [],
  rules: builtInRules,
  check: ({ metadata: { name }, spec }) => [...checkName(name), ...checkBuiltIn(name, spec)],
  withDefaults: ({ spec, status, ...tier }) => ({
    ...tier,
    spec: { ...spec, order: spec.order ?? defaultTierOrder, defaultAction: spec.defaultAction ?? "Deny" },
    status: status ?? {},
  }),
  compare: (a, b) => order(a) - order(b),
  columns: [nameColumn, { header: "ORDER", jsonPath: ".spec.order", cell: (tier) => goFloat(order(tier)) }],
  get wideColumns() {
    return this.columns;
  },
};

/** The name is the value of a label of the tier's policies, and a part of names. */
function checkName(name: string): Problem[] {
  if (name.length <= 63 && !name.includes(".")) return [];
  const reason = 'is no name of a tier: at most 63 lower case letters, digits and "-", without "."';
  return [{ path: "metadata.name", value: name, reason }];
}

function checkBuiltIn(name: string, spec: Partial<TierSpec>): Problem[] {
  const fixed = builtInTiers[name];
  if (!fixed) return [];
  const given: TierSpec = { order: defaultTierOrder, defaultAction: "Deny", ...spec };
  return (["order", "defaultAction"] as const)
    .filter((name) => given[name] !== fixed[name])
    .map((field) => ({
      path: `spec.${field}`,
      value: spec[field],
      reason: `must be ${fixed[field]} in tier ${name}`,
    }));
}
