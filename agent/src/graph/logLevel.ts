import type { BGPConfiguration } from "@brindle/api";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal";

export const defaultLogLevel = "info";

const levels: Readonly<Record<string, LogLevel>> = {
  trace: "trace",
  debug: "debug",
  info: "info",
  warning: "warn",
  error: "error",
  fatal: "fatal",
};

/** `logSeverityScreen` of the node's own BGPConfiguration, else of the cluster's. */
export function logLevel(node: string, configurations: ReadonlyMap<string, BGPConfiguration>): LogLevel {
  const own = configurations.get(`node.${node}`)?.spec.logSeverityScreen;
  const severity = own ?? configurations.get("default")?.spec.logSeverityScreen ?? defaultLogLevel;
  return levels[severity.toLowerCase()] ?? defaultLogLevel;
}
