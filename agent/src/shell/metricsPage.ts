/**
 * The text for Prometheus. Its library is loaded when somebody first asks: it takes 20 MB, which a node that serves no
 * metrics does not pay.
 */
import type { Registry } from "prom-client";
import type { ToldMetric } from "../metrics/metric.ts";
import type { MetricsPage } from "./metricsServer.ts";

/** Each measurement wakes the process. */
const loopPrecisionMs = 20;

/** Of this process: CPU, memory, files, garbage, the delay of its event loop. Looked after from the first time on. */
let ofProcess: Promise<Registry> | null = null;

export async function metricsPage(metrics: readonly ToldMetric[]): Promise<MetricsPage> {
  const { AggregatorRegistry } = await import("prom-client");
  ofProcess ??= processMetrics();
  const registry = AggregatorRegistry.aggregate([
    [...metrics.map(asJson), ...measured(await readProcess(await ofProcess))],
  ]);
  return { text: await registry.metrics(), contentType: registry.contentType };
}

async function processMetrics(): Promise<Registry> {
  const { collectDefaultMetrics, Registry: Kept } = await import("prom-client");
  const registry = new Kept();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: loopPrecisionMs });
  return registry;
}

type Read = Awaited<ReturnType<Registry["getMetricsAsJSON"]>>[number];

async function readProcess(registry: Registry): Promise<readonly Read[]> {
  return (await registry.getMetricsAsJSON()).map((metric) => ({ ...metric, aggregator: "first" }));
}

/** The delay of the event loop is measured from question to question: of one that comes too soon there is none, not NaN. */
function measured(metrics: readonly Read[]): Read[] {
  const mean = metrics.find(({ name }) => name === "nodejs_eventloop_lag_mean_seconds")?.values[0]?.value;
  return metrics.filter(({ name }) => !/^nodejs_eventloop_lag_.+_seconds$/.test(name) || Number.isFinite(mean));
}

/** As the library hands metrics from process to process. */
function asJson({ name, help, type, samples }: ToldMetric): object {
  const values = samples.map(({ labels, value, suffix }) => {
    return { labels, value, metricName: suffix ? `${name}_${suffix}` : name };
  });
  return { name, help, type, values, aggregator: "first" };
}
