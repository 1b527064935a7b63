import assert from "node:assert/strict";
import type { FelixSettings } from "@brindle/api";
import { describe, it } from "vitest";
import { agentMetricsWish, controllersMetricsWish, type MetricsWish, parseMetricsAddress } from "./metricsWish.ts";

const off: MetricsWish = { kind: "off" };

const asked: { name: string; felix: FelixSettings; wish: MetricsWish }[] = [
  { name: "nowhere unless they are asked for", felix: { prometheusMetricsPort: 9091 }, wish: off },
  { name: "nowhere where they are turned off", felix: { prometheusMetricsEnabled: false }, wish: off },
  {
    name: "as with Calico, where nothing else is said",
    felix: { prometheusMetricsEnabled: true },
    wish: { kind: "on", port: 9091 },
  },
  {
    name: "where it is said",
    felix: { prometheusMetricsEnabled: true, prometheusMetricsHost: "10.0.0.1", prometheusMetricsPort: 9200 },
    wish: { kind: "on", host: "10.0.0.1", port: 9200 },
  },
  { name: "nowhere at port 0", felix: { prometheusMetricsEnabled: true, prometheusMetricsPort: 0 }, wish: off },
  {
    name: "nowhere without the certificate that is asked for",
    felix: { prometheusMetricsEnabled: true, prometheusMetricsKeyFile: "/key" },
    wish: {
      kind: "refused",
      reason: "metrics are not served: prometheusMetricsKeyFile asks for TLS, which is not done yet",
    },
  },
  {
    name: "nowhere, and without complaint, while only certificates are there",
    felix: { prometheusMetricsCAFile: "/ca" },
    wish: off,
  },
];

describe("metrics of an agent are served", () => {
  for (const { name, felix, wish } of asked) it(name, () => assert.deepEqual(agentMetricsWish(felix), wish));
});

describe("metrics of the controllers are served", () => {
  it("at Calico's port unless told", () =>
    assert.deepEqual(controllersMetricsWish("::"), { kind: "on", host: "::", port: 9094 }));
  it("at another port", () => assert.deepEqual(controllersMetricsWish("::", 1), { kind: "on", host: "::", port: 1 }));
  it("nowhere at port 0", () => assert.deepEqual(controllersMetricsWish("::", 0), off));
});

const addresses: { text: string; where: ReturnType<typeof parseMetricsAddress> }[] = [
  { text: "127.0.0.1:9091", where: { host: "127.0.0.1", port: 9091 } },
  { text: "localhost:9091", where: { host: "localhost", port: 9091 } },
  { text: "[::1]:9091", where: { host: "::1", port: 9091 } },
  { text: ":9091", where: { port: 9091 } },
  ...[
    "9091",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:0",
    "127.0.0.1:65536",
    "::1:9091",
    "[10.0.0.1]:9091",
    "[]:9091",
    "[x]:1",
    "a b:1",
    "",
  ].map((text) => ({ text, where: null })),
];

describe("an address for metrics", () => {
  for (const { text, where } of addresses) {
    it(`${where ? "may" : "may not"} be ${JSON.stringify(text)}`, () =>
      assert.deepEqual(parseMetricsAddress(text), where));
  }
});
