import {
  checkForwarding,
  checkServiceNamespaces,
  forwardingRules,
  type GlobalPolicySpec,
  globalPolicyShape,
} from "./globalNetworkPolicy.ts";
import type { KindDefinition } from "./kind.ts";
import { policyColumns, policyWideColumns } from "./policy.ts";
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

export type StagedGlobalNetworkPolicy = Resource<"StagedGlobalNetworkPolicy", GlobalPolicySpec & Staged>;

export const stagedGlobalNetworkPolicyKind: KindDefinition<StagedGlobalNetworkPolicy> = {
  apiVersion,
  kind: "StagedGlobalNetworkPolicy",
  plural: "stagedglobalnetworkpolicies",
  description: "What a GlobalNetworkPolicy would be, before it is made one.",
  aliases: ["sgnp", "sgnps"],
  namespaced: false,
  spec: object<GlobalPolicySpec & Staged>({ ...stagedShape, ...globalPolicyShape }),
  unsupported: unsupportedInStaged,
  rules: [...forwardingRules, ...stagedDeleteRules],
  check: ({ spec }) => [
    ...checkForwarding(spec),
    ...checkServiceNamespaces(spec),
    ...checkStagedDelete(spec, ["tier"]),
  ],
  withDefaults: stagedWithDefaults,
  columns: policyColumns,
  wideColumns: policyWideColumns,
};
