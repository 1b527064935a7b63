/**
 * Metrics in the text format of Prometheus, version 0.0.4. Written here, since a registry that is filled for each question
 * holds up everything else for 50 ms with a thousand peers.
 */
import type { Metric } from "./metrics.ts";

export const metricsContentType = "text/plain; version=0.0.4; charset=utf-8";

/** One family of samples, with its two lines of comment and a line's end behind the last. */
export function metricText({ name, help, type, samples }: Metric): string {
  let text = `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`;
  for (const { labels, value } of samples) text += `${name}${labelsText(labels)} ${value}\n`;
  return text;
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return /["\\\n]/.test(value) ? value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n") : value;
}
