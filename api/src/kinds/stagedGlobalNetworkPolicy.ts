import { checkForwarding, type GlobalPolicySpec, globalPolicyShape } from "./globalNetworkPolicy.ts";
import type { KindDefinition } from "./kind.ts";
import { policyColumns, policyWideColumns } from "./policy.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { object } from "./schema.ts";
import {
  checkStagedDelete,
  type Staged,
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
  check: ({ spec }) => [...checkForwarding(spec), ...checkStagedDelete(spec, ["tier"])],
  withDefaults: stagedWithDefaults,
  columns: policyColumns,
  wideColumns: policyWideColumns,
};
