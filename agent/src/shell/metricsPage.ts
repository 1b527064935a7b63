/**
 * The text for Prometheus. Its library is loaded when somebody first asks: it takes 20 MB, which a node that serves no
 * metrics does not pay.
 */
import type { Registry } from "prom-client";
import type { ToldMetric } from "../metrics/metric.ts";
import type { MetricsPage } from "./metricsServer.ts";

/** Each measurement wakes the process. */
const loopPrecisionMs = 20;

interface Library {
  readonly client: typeof import("prom-client");
  /** CPU, memory, files, garbage, the delay of the event loop: looked after from the first question on. */
  readonly ofProcess: Registry;
}

let library: Promise<Library> | null = null;

export async function metricsPage(metrics: readonly ToldMetric[]): Promise<MetricsPage> {
  library ??= load();
  const { client, ofProcess } = await library;
  const all = [...metrics.map(asJson), ...measured(await readProcess(ofProcess))];
  const registry = client.AggregatorRegistry.aggregate([all]);
  return { text: await registry.metrics(), contentType: registry.contentType };
}

/** By its default export: a module of CommonJS has no other once it is bundled. */
async function load(): Promise<Library> {
  const { default: client } = await import("prom-client");
  const ofProcess = new client.Registry();
  client.collectDefaultMetrics({ register: ofProcess, eventLoopMonitoringPrecision: loopPrecisionMs });
  return { client, ofProcess };
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
