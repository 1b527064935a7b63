import assert from "node:assert/strict";
import { describe, it, vi } from "vitest";
import type { ToldMetric } from "../metrics/metric.ts";
import { metricsPage } from "./metricsPage.ts";

const metrics: readonly ToldMetric[] = [
  {
    name: "a_things",
    type: "gauge",
    help: "Things",
    labelNames: ["kind"],
    samples: [{ labels: { kind: 'a "b"\\\n' }, value: 2 }],
  },
  { name: "b_total", type: "counter", help: "Counted", labelNames: [], samples: [] },
  {
    name: "c_seconds",
    type: "histogram",
    help: "Measured",
    labelNames: [],
    samples: [
      { labels: { le: "0.1" }, value: 1, suffix: "bucket" },
      { labels: { le: "+Inf" }, value: 3, suffix: "bucket" },
      { labels: {}, value: 2.5, suffix: "sum" },
      { labels: {}, value: 3, suffix: "count" },
    ],
  },
];

const own = `# HELP a_things Things
# TYPE a_things gauge
a_things{kind="a \\"b\\"\\\\\\n"} 2

# HELP b_total Counted
# TYPE b_total counter

# HELP c_seconds Measured
# TYPE c_seconds histogram
c_seconds_bucket{le="0.1"} 1
c_seconds_bucket{le="+Inf"} 3
c_seconds_sum 2.5
c_seconds_count 3
`;

describe("the page for Prometheus", () => {
  it("has what is told, in the form of Prometheus, and then what the process is", async () => {
    const { text, contentType } = await metricsPage(metrics);
    assert.equal(contentType, "text/plain; version=0.0.4; charset=utf-8");
    assert.equal(text.slice(0, own.length), own);
    assert.match(text, /\nprocess_resident_memory_bytes \d+\n/);
    assert.match(text, /\nprocess_start_time_seconds \d+\n/);
  });

  it("has no value that was not measured, however soon it is asked for again", async () => {
    const pages = await Promise.all([metricsPage([]), metricsPage([])]);
    for (const { text } of [...pages, await metricsPage([])]) assert.doesNotMatch(text, / Nan$/im);
  });

  it("has the delay of the event loop, once something was measured", async () => {
    await vi.waitFor(async () => {
      assert.match((await metricsPage([])).text, /\nnodejs_eventloop_lag_p99_seconds 0\.\d+\n/);
    });
  });
});
