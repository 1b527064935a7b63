import { Counter, Gauge, Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import type { Metric } from "./metrics.ts";
import { metricsContentType, metricText } from "./metricsText.ts";

const metrics: readonly Metric[] = [
  {
    name: "rib_prefixes",
    help: "how many",
    type: "gauge",
    labelNames: [],
    samples: [{ labels: {}, value: 1_000_000 }],
  },
  {
    name: "told_total",
    help: 'a "help" with \\ and\na second line',
    type: "counter",
    labelNames: ["peer", "asn"],
    samples: [
      { labels: { peer: 'tor "a" \\ b\nc', asn: "65001" }, value: 3 },
      { labels: { peer: "fe80::1%eth0", asn: "65002" }, value: 0 },
    ],
  },
  { name: "since_seconds", help: "when", type: "gauge", labelNames: ["peer"], samples: [] },
  {
    name: "fraction",
    help: "of",
    type: "gauge",
    labelNames: ["peer"],
    samples: [{ labels: { peer: "é" }, value: 1.25 }],
  },
];

describe("the text for Prometheus", () => {
  it.each(metrics)("of $name is what prom-client writes", async (metric) => {
    const registry = new Registry();
    const options = { ...metric, labelNames: [...metric.labelNames], registers: [registry] };
    const gauge = metric.type === "gauge" ? new Gauge(options) : null;
    const counter = gauge ? null : new Counter(options);
    for (const { labels, value } of metric.samples) {
      gauge?.set({ ...labels }, value);
      counter?.inc({ ...labels }, value);
    }
    expect(metricText(metric).trimEnd()).toBe((await registry.metrics()).trimEnd());
    expect(metricsContentType).toBe(registry.contentType);
  });
});
