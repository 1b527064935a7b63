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
import { apiVersion, type Resource } from "./resource.ts";
import { object } from "./schema.ts";

export type NetworkPolicy = Resource<"NetworkPolicy", PolicySpec>;

export const networkPolicyKind: KindDefinition<NetworkPolicy> = {
  apiVersion,
  kind: "NetworkPolicy",
  plural: "networkpolicies",
  description: "What the pods of one namespace may send and receive.",
  aliases: ["policy", "np", "policies", "pol", "pols"],
  namespaced: true,
  spec: object<PolicySpec>({ ...policyShape, ...policyTailShape }),
  unsupported: unsupportedInPolicies,
  advise: adviseOnPolicy,
  withDefaults: policyWithDefaults,
  columns: policyColumns,
  wideColumns: policyWideColumns,
};
