/** What NetworkPolicy and GlobalNetworkPolicy share. */
import * as z from "zod";
import { formatJson } from "../json/json.ts";
import { oneOf, selectorNotGlobal, text } from "./fields.ts";
import { goFloat } from "./goFloat.ts";
import { type Column, nameColumn, type UnsupportedField } from "./kind.ts";
import type { Warning } from "./problem.ts";
import type { Resource } from "./resource.ts";
import { egressRules, ingressRules, type Rule, unsupportedInRules } from "./rule.ts";
import { field, optional, type Shape, set } from "./schema.ts";

export type PolicyDirection = "Ingress" | "Egress";

export interface PolicySpec {
  readonly tier?: string;
  readonly order?: number;
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
  readonly selector?: string;
  readonly types?: readonly PolicyDirection[];
  readonly serviceAccountSelector?: string;
  readonly performanceHints?: readonly "AssumeNeededOnEveryNode"[];
}

export const defaultTier = "default";

/** In two parts, since a GlobalNetworkPolicy has its own fields between them. */
export const policyShape: Pick<Shape<PolicySpec>, "tier" | "order" | "ingress" | "egress" | "selector" | "types"> = {
  tier: optional(field(text, "The tier in which the policy stands.", { default: defaultTier })),
  order: optional(
    field(z.number(), "Policies of a tier are asked from the lowest number up, those without one last, then by name."),
  ),
  ingress: optional(field(ingressRules, "What may be received: the first rule that matches a packet decides on it.")),
  egress: optional(field(egressRules, "What may be sent: the first rule that matches a packet decides on it.")),
  selector: optional(field(selectorNotGlobal, "Which endpoints the policy is for; all, if left out.")),
  types: optional(
    field(
      set(oneOf("Ingress", "Egress"), { min: 1, max: 2 }),
      "The directions that the policy is about, closed but for its rules. Unless told: those of its rules, and Ingress if it has none.",
    ),
  ),
};

export const policyTailShape: Omit<Shape<PolicySpec>, keyof typeof policyShape> = {
  serviceAccountSelector: optional(
    field(selectorNotGlobal, "Which endpoints the policy is for, by the labels of their service account."),
  ),
  performanceHints: optional(
    field(
      set(oneOf("AssumeNeededOnEveryNode")),
      "Whether nodes may keep rules ready that no endpoint of theirs needs.",
    ),
  ),
};

export const unsupportedInPolicies: readonly UnsupportedField[] = [
  { effect: "ignored", path: "spec.performanceHints", meanwhile: "rules are made where an endpoint needs them" },
  ...unsupportedInRules("ingress"),
  ...unsupportedInRules("egress"),
];

/**
 * The label is how Calico's tools find the policies of a tier. The annotation keeps the name as the user wrote it:
 * releases before 3.32 stored a policy under `<tier>.<name>`.
 */
export function policyWithDefaults<R extends Resource<string, PolicySpec>>(policy: R): R {
  const { metadata, spec } = policy;
  const tier = spec.tier || defaultTier;
  return {
    ...policy,
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, "projectcalico.org/tier": tier },
      annotations: { ...metadata.annotations, [userMetadata]: formatJson({ name: metadata.name }) },
    },
    spec: { ...spec, tier, types: spec.types ?? typesOf(spec) },
  };
}

export const userMetadata = "projectcalico.org/metadata";

/** A policy without types is about the directions of its rules, and about ingress where it has none. */
function typesOf(spec: PolicySpec): PolicyDirection[] {
  if (!spec.egress?.length) return ["Ingress"];
  return spec.ingress?.length ? ["Ingress", "Egress"] : ["Egress"];
}

type Policy = Resource<string, PolicySpec>;

/** Rules that no packet ever comes to. */
export function adviseOnPolicy({ spec }: Policy): Warning[] {
  return (["ingress", "egress"] as const).flatMap((direction) => {
    const rules = spec[direction] ?? [];
    const type = direction === "ingress" ? "Ingress" : "Egress";
    if (rules.length > 0 && !spec.types?.includes(type)) {
      return [advice(`spec.${direction}`, `is never asked: types has no ${type}`)];
    }
    const last = rules.findIndex(decidesOnAll);
    if (last < 0 || last === rules.length - 1) return [];
    return [advice(`spec.${direction}[${last + 1}]`, `is never asked: the rule before it matches every packet`)];
  });
}

function advice(path: string, reason: string): Warning {
  return { effect: "advice", path, value: undefined, reason };
}

function decidesOnAll({ action, metadata: _words, ...match }: Rule): boolean {
  const asksNothing = Object.values(match).every((part) => typeof part === "object" && Object.keys(part).length === 0);
  return action !== "Log" && asksNothing;
}

export const policyColumns: readonly Column<Policy>[] = [
  nameColumn,
  { header: "TIER", jsonPath: ".spec.tier", cell: ({ spec }) => spec.tier ?? defaultTier },
];

export const policyWideColumns: readonly Column<Policy>[] = [
  ...policyColumns,
  {
    header: "ORDER",
    jsonPath: ".spec.order",
    cell: ({ spec }) => (spec.order === undefined ? "<nil>" : goFloat(spec.order)),
  },
  { header: "SELECTOR", jsonPath: ".spec.selector", cell: ({ spec }) => spec.selector ?? "" },
];
