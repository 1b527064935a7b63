/** What AgentConfigurations say of flows that policy denies: a node's own before that of all, field by field. */
import type { AgentConfiguration } from "@brindle/api";
import type { FilterSettings } from "@brindle/policy";

export type FlowSettings = Pick<FilterSettings, "deniedFlowsPerSecond" | "endsFlows">;

const perSecondDefault = 100;

export function flowSettings(node: string, configurations: ReadonlyMap<string, AgentConfiguration>): FlowSettings {
  const own = configurations.get(`node.${node}`)?.spec.policy;
  const common = configurations.get("default")?.spec.policy;
  const mode = own?.deniedFlows?.mode ?? common?.deniedFlows?.mode ?? "Enabled";
  const perSecond = own?.deniedFlows?.perSecond ?? common?.deniedFlows?.perSecond ?? perSecondDefault;
  return {
    deniedFlowsPerSecond: mode === "Enabled" ? perSecond : 0,
    endsFlows: own?.killEstablishedOnDeny ?? common?.killEstablishedOnDeny ?? false,
  };
}
