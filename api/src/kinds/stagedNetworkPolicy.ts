import type { KindDefinition } from "./kind.ts";
import { type PolicySpec, policyColumns, policyShape, policyTailShape, policyWideColumns } from "./policy.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { object } from "./schema.ts";
import {
  checkStagedDelete,
  type Staged,
  stagedDeleteRules,
  stagedShape,
  stagedWithDefaults,
  unsupportedInStaged,
} from "./stagedPolicy.ts";

export type StagedNetworkPolicy = Resource<"StagedNetworkPolicy", PolicySpec & Staged>;

export const stagedNetworkPolicyKind: KindDefinition<StagedNetworkPolicy> = {
  apiVersion,
  kind: "StagedNetworkPolicy",
  plural: "stagednetworkpolicies",
  description: "What a NetworkPolicy would be, before it is made one.",
  aliases: ["stagedpolicy", "snp", "stagedpolicies", "spol", "spols"],
  namespaced: true,
  spec: object<PolicySpec & Staged>({ ...stagedShape, ...policyShape, ...policyTailShape }),
  unsupported: unsupportedInStaged,
  rules: stagedDeleteRules,
  check: ({ spec }) => checkStagedDelete(spec, ["tier"]),
  withDefaults: stagedWithDefaults,
  columns: policyColumns,
  wideColumns: policyWideColumns,
};
