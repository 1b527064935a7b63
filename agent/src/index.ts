export { agentMetrics } from "./metrics/agentMetrics.ts";
export { controllersMetrics } from "./metrics/controllersMetrics.ts";
export type { MetricRow } from "./metrics/metric.ts";
export { type MistakeCode, type MistakeRow, mistakes } from "./node/mistakes.ts";
export { agentRights, type Rule } from "./node/rights.ts";
