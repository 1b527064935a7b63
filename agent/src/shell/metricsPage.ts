/**
 * The text for Prometheus. Its library is loaded when somebody first asks: it takes 20 MB, which a node that serves no
 * metrics does not pay.
 */
import type { Registry } from "prom-client";
import type { ToldMetric } from "../metrics/metric.ts";
import type { MetricsPage } from "./metricsServer.ts";

/** Of this process: CPU, memory, files, garbage, the delay of its event loop. Looked after from the first time on. */
let ofProcess: Promise<Registry> | null = null;

export async function metricsPage(metrics: readonly ToldMetric[]): Promise<MetricsPage> {
  const { AggregatorRegistry } = await import("prom-client");
  ofProcess ??= processMetrics();
  const process = await ofProcess;
  const registry = AggregatorRegistry.aggregate([metrics.map(asJson)]);
  const text = `${await registry.metrics()}\n${await process.metrics()}`;
  return { text, contentType: process.contentType };
}

async function processMetrics(): Promise<Registry> {
  const { collectDefaultMetrics, Registry: Kept } = await import("prom-client");
  const registry = new Kept();
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** As the library hands metrics from process to process. */
function asJson({ name, help, type, samples }: ToldMetric): object {
  const values = samples.map(({ labels, value, suffix }) => {
    return { labels, value, metricName: suffix ? `${name}_${suffix}` : name };
  });
  return { name, help, type, values, aggregator: "first" };
}
