/** What the cluster is configured to do, of all that can change while an agent runs. */
import { felixSettings } from "@brindle/api";
import { endpointToHostAction, policySettings, sourceSpoofing, tablesBackendAsked } from "@brindle/policy";
import type { Logger } from "pino";
import type { ClusterState } from "../graph/clusterState.ts";
import { flowSettings } from "../graph/flowSettings.ts";
import { logLevel } from "../graph/logLevel.ts";
import { agentMetricsWish } from "../metrics/metricsWish.ts";
import type { AgentOptions } from "./agent.ts";
import type { MetricsEndpoint } from "./metricsEndpoint.ts";
import type { PodSide } from "./podSide.ts";
import type { PolicyFlows } from "./policyFlows.ts";
import type { PolicySync } from "./policySync.ts";

export interface FollowingParts {
  readonly policy: PolicySync;
  readonly flows: PolicyFlows;
  readonly pods: Pick<PodSide, "setMaySpoof">;
  readonly metrics: MetricsEndpoint;
  readonly log: Logger;
}

/** What was said to this process itself comes before it. */
export function followSettings(
  state: ClusterState,
  told: Pick<AgentOptions, "node" | "followsLogSeverity" | "endpointToHostAction" | "metrics">,
  { policy, flows, pods, metrics, log }: FollowingParts,
): void {
  const { node } = told;
  const labels = state.all("Node").get(node)?.metadata.labels ?? {};
  const settings = felixSettings({ name: node, labels }, state.all("FelixConfiguration"));
  if (told.followsLogSeverity) log.level = logLevel(node, settings, state.all("BGPConfiguration"));
  const ofFlows = flowSettings(node, state.all("AgentConfiguration"));
  policy.setEndpointToHostAction(told.endpointToHostAction ?? endpointToHostAction(settings));
  policy.setTablesBackend(tablesBackendAsked(settings));
  policy.setFilterSettings({ ...policySettings(settings), ...ofFlows });
  pods.setMaySpoof(sourceSpoofing(settings) === "Any");
  flows.follow(ofFlows);
  if (!told.metrics) metrics.follow(agentMetricsWish(settings));
}
