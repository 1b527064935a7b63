export { type ClosedPolicy, closedPolicy, type PolicyKey } from "./closedPolicy.ts";
export * from "./cluster.ts";
export { describeRule } from "./describeRule.ts";
export { type EffectiveTier, effectiveTiers } from "./effective.ts";
export { endpointToHostAction } from "./endpointToHost.ts";
export {
  type Enforceable,
  enforceablePolicy,
  enforcedPolicy,
  noServicesKnown,
  type Unreadable,
  unreadablePolicy,
} from "./enforceable.ts";
export * from "./evaluate.ts";
export * from "./explain.ts";
export * from "./graph/desired.ts";
export * from "./graph/nothingDesired.ts";
export * from "./graph/policyGraph.ts";
export { StagedGraph, stagedKinds } from "./graph/stagedGraph.ts";
export {
  type Failsafe,
  type Failsafes,
  type HostInterfaces,
  hostEndpointOf,
  isOfStage,
  labelledHost,
  type PolicyStage,
  policyStages,
} from "./hosts.ts";
export { type AnyNetworkSet, labelledSet, readableNetworkSet } from "./networkSet.ts";
export { asksForNodes, type NodeFacts, nodeFacts, readableNodeFacts, withNodes } from "./nodeRules.ts";
export { type ChainVerdict, ChainVerdicts, type DenialPlace, type FirstOfFlow } from "./observe/chainVerdicts.ts";
export { type FlowMarks, firstOfFlow, flowMarks } from "./observe/flowsToEnd.ts";
export type { HitRow, RuleAction as HitAction } from "./observe/hitRow.ts";
export { type NodeNetwork, noNetwork, type Passage } from "./observe/passage.ts";
export { type RuleName, ruleNameOf } from "./observe/ruleName.ts";
export { type StagedVerdict, stagedVerdict } from "./observe/stagedVerdict.ts";
export * from "./packet.ts";
export * from "./policyError.ts";
export { type PolicySettings, policySettings, sourceSpoofing, tablesBackendAsked } from "./policySettings.ts";
export { readableEndpoint } from "./readableEndpoint.ts";
export * from "./render/ir.ts";
export { chainPrefix, deniedLogGroup, endedFlowMark, hostAllowedMark, setPrefix } from "./render/names.ts";
export type { FloatingAddress } from "./render/nat.ts";
export { type FilterSettings, quietSettings } from "./render/tables.ts";
export { entityScope, inScope, type Labelled, policyScope } from "./scope.ts";
export { type StagedPolicy, withStaged } from "./staged.ts";
export { surroundingsOf } from "./surroundings.ts";
export { Tiers, unknownTier } from "./tiers.ts";
export { type VerdictChange, verdictChanges } from "./whatIf/diff.ts";
