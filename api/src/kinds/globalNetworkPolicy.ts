import { flag, selectorNotGlobal } from "./fields.ts";
import type { KindDefinition } from "./kind.ts";
import {
  type PolicySpec,
  policyColumns,
  policyShape,
  policyTailShape,
  policyWhileWithheld,
  policyWideColumns,
  policyWithDefaults,
  unsupportedInPolicies,
} from "./policy.ts";
import type { Problem } from "./problem.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { object, optional, type Shape } from "./schema.ts";

export interface GlobalPolicySpec extends PolicySpec {
  readonly doNotTrack?: boolean;
  readonly preDNAT?: boolean;
  readonly applyOnForward?: boolean;
  readonly namespaceSelector?: string;
}

export type GlobalNetworkPolicy = Resource<"GlobalNetworkPolicy", GlobalPolicySpec>;

export const globalPolicyShape: Shape<GlobalPolicySpec> = {
  ...policyShape,
  doNotTrack: optional(flag),
  preDNAT: optional(flag),
  applyOnForward: optional(flag),
  namespaceSelector: optional(selectorNotGlobal),
  ...policyTailShape,
};

const forHosts = "the policy is for hosts, which have none in this version, and does nothing";

export const globalNetworkPolicyKind: KindDefinition<GlobalNetworkPolicy> = {
  apiVersion,
  kind: "GlobalNetworkPolicy",
  plural: "globalnetworkpolicies",
  description: "What endpoints in any namespace, and hosts, may send and receive.",
  aliases: ["gnp", "gnps"],
  namespaced: false,
  spec: object<GlobalPolicySpec>(globalPolicyShape),
  unsupported: [
    ...unsupportedInPolicies,
    { effect: "withheld", path: "spec.doNotTrack", accepted: [false], meanwhile: forHosts },
    { effect: "withheld", path: "spec.preDNAT", accepted: [false], meanwhile: forHosts },
    {
      effect: "ignored",
      path: "spec.applyOnForward",
      accepted: [false],
      meanwhile: "the policy holds for pods, and no host has policy",
    },
  ],
  whileWithheld: policyWhileWithheld,
  check: ({ spec }) => checkForwarding(spec),
  withDefaults: policyWithDefaults,
  columns: policyColumns,
  wideColumns: policyWideColumns,
};

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
