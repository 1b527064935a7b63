/** What annotations of limits come to, and what is wrong with them. */
import assert from "node:assert/strict";
import { describe, it } from "vitest";
import type { QosControls } from "../kinds/qosControls.ts";
import { readPodQos } from "./podQos.ts";
import { parseQuantity } from "./quantity.ts";

const qos = (annotations: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(annotations).map(([name, text]) => [`qos.projectcalico.org/${name}`, text]));

const cases: {
  name: string;
  annotations: Record<string, string>;
  controls: QosControls | null;
  problems?: RegExp[];
}[] = [
  { name: "none", annotations: { "example.org/a": "1" }, controls: null },
  {
    name: "a bandwidth, with Calico's burst",
    annotations: qos({ ingressBandwidth: "10M" }),
    controls: { ingressBandwidth: 10_000_000, ingressBurst: 4_294_967_296 },
  },
  {
    name: "Kubernetes' own annotations, of which Calico's go before",
    annotations: {
      "kubernetes.io/ingress-bandwidth": "1M",
      "kubernetes.io/egress-bandwidth": "2M",
      ...qos({ egressBandwidth: "3M", egressBurst: "1Mi" }),
    },
    controls: {
      ...{ ingressBandwidth: 1_000_000, egressBandwidth: 3_000_000 },
      ...{ ingressBurst: 4_294_967_296, egressBurst: 1_048_576 },
    },
  },
  {
    name: "packets and connections",
    annotations: qos({
      egressPacketRate: "1k",
      ingressPacketRate: "7",
      ingressPacketBurst: "9",
      egressMaxConnections: "3",
    }),
    controls: {
      ...{ ingressPacketRate: 7, egressPacketRate: 1000, ingressPacketBurst: 9, egressPacketBurst: 5 },
      egressMaxConnections: 3,
    },
  },
  {
    name: "a peak rate",
    annotations: qos({ ingressBandwidth: "1M", ingressBurst: "2M", ingressPeakrate: "3M", ingressMinburst: "1500" }),
    controls: {
      ...{ ingressBandwidth: 1_000_000, ingressBurst: 2_000_000 },
      ...{ ingressPeakrate: 3_000_000, ingressMinburst: 1500 },
    },
  },
  {
    name: "what is out of bounds, and comes to the nearest",
    annotations: qos({ ingressBandwidth: "1", egressPacketRate: "20k" }),
    controls: { ingressBandwidth: 1000, ingressBurst: 4_294_967_296, egressPacketRate: 10_000, egressPacketBurst: 5 },
    problems: [/ingressBandwidth: 1 is less than 1k$/, /egressPacketRate: 20k is more than 10k$/],
  },
  {
    name: "what means nothing by itself, and is left out",
    annotations: qos({ ingressBurst: "1M", egressPeakrate: "1M", egressMinburst: "2k", ingressPacketBurst: "2" }),
    controls: null,
    problems: [/ingressBurst: means nothing without/, /ingressPacketBurst: /, /egressPeakrate: /, /egressMinburst: /],
  },
  {
    name: "a peak rate below the bandwidth",
    annotations: qos({ ingressBandwidth: "2M", ingressPeakrate: "2M" }),
    controls: { ingressBandwidth: 2_000_000, ingressBurst: 4_294_967_296 },
    problems: [/ingressPeakrate: must be greater than the bandwidth$/],
  },
  {
    name: "a codepoint by its number",
    annotations: qos({ dscp: "46" }),
    controls: { dscp: 46 },
  },
  ...["64", "-1", "AF14", ""].map((dscp) => ({
    name: `what is no codepoint: ${dscp}`,
    annotations: qos({ dscp }),
    controls: null,
    problems: [/dscp: ".*" is no codepoint from 0 to 63, nor a name such as EF or AF11$/],
  })),
  {
    name: "what cannot be read",
    annotations: qos({ ingressBandwidth: "fast", egressSpeed: "1", dscp: "AF11" }),
    controls: { dscp: "AF11" },
    problems: [/ingressBandwidth: "fast" is no quantity such as 10M$/, /egressSpeed: no such limit is known$/],
  },
];

describe("annotations of limits", () => {
  for (const { name, annotations, controls, problems = [] } of cases) {
    it(`ask for ${name}`, () => {
      const read = readPodQos(annotations);
      assert.deepEqual(read.controls, controls);
      assert.equal(read.problems.length, problems.length, read.problems.join("\n"));
      for (const [index, says] of problems.entries()) assert.match(read.problems[index] ?? "", says);
    });
  }

  it("are stored in the order of Calico's fields", () => {
    const { controls } = readPodQos(qos({ egressMaxConnections: "1", egressBandwidth: "1M", ingressBandwidth: "1M" }));
    assert.deepEqual(Object.keys(controls ?? {}), [
      ...["ingressBandwidth", "egressBandwidth", "ingressBurst", "egressBurst", "egressMaxConnections"],
    ]);
  });
});

describe("a quantity", () => {
  for (const [text, value] of [
    ...([["10M", 10_000_000n] as const, ["1.01P", 1_010_000_000_000_000n], ["1.5Ki", 1536n], ["2e3", 2000n]] as const),
    ...([["500m", 1n] as const, ["-3k", -3000n], [".5k", 500n], ["7", 7n], ["4Gi", 4_294_967_296n]] as const),
    ...([["", null] as const, ["k", null], ["1K", null], ["1 M", null], ["0x10", null], [".", null]] as const),
  ]) {
    it(`${JSON.stringify(text)} is ${value}`, () => assert.equal(parseQuantity(text), value));
  }
});
