import type { ServiceMatch } from "./entityRule.ts";
import { flag, selectorNotGlobal } from "./fields.ts";
import type { KindDefinition } from "./kind.ts";
import {
  adviseOnPolicy,
  type PolicySpec,
  policyColumns,
  policyShape,
  policyTailShape,
  policyWideColumns,
  policyWithDefaults,
  unsupportedInPolicies,
} from "./policy.ts";
import type { Problem } from "./problem.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { type CelRule, field, object, optional, type Shape } from "./schema.ts";

export interface GlobalPolicySpec extends PolicySpec {
  readonly doNotTrack?: boolean;
  readonly preDNAT?: boolean;
  readonly applyOnForward?: boolean;
  readonly namespaceSelector?: string;
}

export type GlobalNetworkPolicy = Resource<"GlobalNetworkPolicy", GlobalPolicySpec>;

export const globalPolicyShape: Shape<GlobalPolicySpec> = {
  ...policyShape,
  doNotTrack: optional(field(flag, "The policy is for packets of host endpoints before connections are tracked.")),
  preDNAT: optional(field(flag, "The policy is for packets of host endpoints before their destination is translated.")),
  applyOnForward: optional(
    field(flag, "The policy is also for what a host forwards; true with preDNAT and doNotTrack."),
  ),
  namespaceSelector: optional(
    field(selectorNotGlobal, "The namespaces whose endpoints the policy is for, by their labels; all, if left out."),
  ),
  ...policyTailShape,
};

const isTrue = (name: string): string => `(has(self.spec.${name}) && self.spec.${name})`;

/** What `checkForwarding` says. */
export const forwardingRules: readonly CelRule[] = [
  {
    rule: `!(${isTrue("preDNAT")} && ${isTrue("doNotTrack")})`,
    message: "cannot be given together with doNotTrack",
    fieldPath: ".spec.preDNAT",
  },
  {
    rule: `!${isTrue("preDNAT")} || !has(self.spec.egress) || size(self.spec.egress) == 0`,
    message: "has no rules in a policy before DNAT",
    fieldPath: ".spec.egress",
  },
  {
    rule: `!${isTrue("preDNAT")} || !has(self.spec.types) || !('Egress' in self.spec.types)`,
    message: "has no Egress in a policy before DNAT",
    fieldPath: ".spec.types",
  },
  {
    rule: `!(${isTrue("preDNAT")} || ${isTrue("doNotTrack")}) || ${isTrue("applyOnForward")}`,
    message: "must be true with preDNAT or doNotTrack",
    fieldPath: ".spec.applyOnForward",
  },
];

export const globalNetworkPolicyKind: KindDefinition<GlobalNetworkPolicy> = {
  apiVersion,
  kind: "GlobalNetworkPolicy",
  plural: "globalnetworkpolicies",
  description: "What endpoints in any namespace, and hosts, may send and receive.",
  aliases: ["gnp", "gnps"],
  namespaced: false,
  spec: object<GlobalPolicySpec>(globalPolicyShape),
  unsupported: unsupportedInPolicies,
  rules: forwardingRules,
  check: ({ spec }) => [...checkForwarding(spec), ...checkServiceNamespaces(spec)],
  advise: adviseOnPolicy,
  withDefaults: policyWithDefaults,
  columns: policyColumns,
  wideColumns: policyWideColumns,
};

/** A policy of no namespace has none to look in. */
export function checkServiceNamespaces({ ingress = [], egress = [] }: GlobalPolicySpec): Problem[] {
  const missing = (services: ServiceMatch | undefined, path: string): Problem[] =>
    services && !services.namespace
      ? [{ path: `${path}.services.namespace`, value: undefined, reason: "is missing: the policy has no namespace" }]
      : [];
  return [
    ...ingress.flatMap(({ source }, i) => missing(source?.services, `spec.ingress[${i}].source`)),
    ...egress.flatMap(({ destination }, i) => missing(destination?.services, `spec.egress[${i}].destination`)),
  ];
}

export function checkForwarding(spec: GlobalPolicySpec): Problem[] {
  const problems: Problem[] = [];
  const refuse = (field: keyof GlobalPolicySpec, reason: string) =>
    problems.push({ path: `spec.${field}`, value: spec[field], reason });
  if (spec.preDNAT && spec.doNotTrack) refuse("preDNAT", "cannot be given together with doNotTrack");
  if (spec.preDNAT && spec.egress?.length) refuse("egress", "has no rules in a policy before DNAT");
  if (spec.preDNAT && spec.types?.includes("Egress")) refuse("types", "has no Egress in a policy before DNAT");
  if ((spec.preDNAT || spec.doNotTrack) && !spec.applyOnForward) {
    refuse("applyOnForward", "must be true with preDNAT or doNotTrack");
  }
  return problems;
}
