import type { BGPConfiguration, FelixSettings } from "@brindle/api";

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

/**
 * `logSeverityScreen` of what FelixConfigurations say for the node, else of its own BGPConfiguration, else of the
 * cluster's: in Calico they are of two processes, which are one here.
 */
export function logLevel(
  node: string,
  felix: Pick<FelixSettings, "logSeverityScreen">,
  configurations: ReadonlyMap<string, BGPConfiguration>,
): LogLevel {
  const own = felix.logSeverityScreen ?? configurations.get(`node.${node}`)?.spec.logSeverityScreen;
  const severity = own ?? configurations.get("default")?.spec.logSeverityScreen ?? defaultLogLevel;
  return levels[severity.toLowerCase()] ?? defaultLogLevel;
}
