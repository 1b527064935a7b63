import assert from "node:assert/strict";
import { parseAddress } from "@brindle/net";
import { describe, it } from "vitest";
import { PolicyGraph } from "../graph/policyGraph.ts";
import type { Packet } from "../packet.ts";
import { endpointSample } from "../sampleCluster.ts";
import { ChainVerdicts } from "./chainVerdicts.ts";

function packetFrom(source: string): Packet {
  const [from, to] = [source, "192.0.2.1"].map(parseAddress);
  assert(from && to);
  return { source: from, destination: to, protocol: 17, sourcePort: 1000, destinationPort: 53 };
}

/** Neither has a profile, so that nothing that they send is allowed. */
function verdictsWith(sourceSpoofing: "Any" | "Disabled"): ChainVerdicts {
  const graph = new PolicyGraph({ node: "node1" });
  graph.setFilterSettings({ sourceSpoofing });
  for (const [name, address] of [
    ["plain", "10.0.0.1"],
    ["first", "10.0.0.2"],
    ["second", "10.0.0.3"],
  ] as const) {
    const { metadata, spec, ...rest } = endpointSample(name, { addresses: [address], profiles: [] });
    const allowSpoofedSourcePrefixes = name === "plain" ? [] : ["198.51.100.0/24", "10.0.0.1"];
    graph.receive({
      key: { kind: "WorkloadEndpoint", namespace: "default", name },
      value: { ...rest, metadata, spec: { ...spec, allowSpoofedSourcePrefixes } },
    });
  }
  return new ChainVerdicts(graph.desired());
}

describe("the pod behind what was denied", () => {
  const cases: { name: string; source: string; by: string; spoofing?: "Disabled"; pod: string | undefined }[] = [
    { name: "is the one with that address", source: "10.0.0.1", by: "caliplain", pod: "default/plain" },
    { name: "is one that may send from there", source: "198.51.100.9", by: "califirst", pod: "default/first" },
    { name: "is the one by whose interface it came", source: "198.51.100.9", by: "calisecond", pod: "default/second" },
    {
      name: "is not who has the address, where it came by another's",
      source: "10.0.0.1",
      by: "calisecond",
      pod: "default/second",
    },
    {
      name: "is nobody's where nobody may",
      source: "198.51.100.9",
      by: "califirst",
      spoofing: "Disabled",
      pod: undefined,
    },
    { name: "is nobody's outside what was granted", source: "203.0.113.9", by: "califirst", pod: undefined },
  ];
  for (const { name, source, by, spoofing = "Any", pod } of cases) {
    it(name, () => {
      const place = { hook: "FORWARD", passage: { from: by, to: "uplink" }, mark: 0 } as const;
      assert.equal(verdictsWith(spoofing).at(place, packetFrom(source))?.endpoint, pod);
    });
  }

  it("is looked for by its address alone where its interface is not known, as of an open flow", () => {
    const verdicts = verdictsWith("Any");
    assert.equal(verdicts.of({ packet: packetFrom("198.51.100.9") })?.endpoint, "default/first");
    assert.equal(verdicts.of({ packet: packetFrom("10.0.0.1") })?.endpoint, "default/plain");
  });
});
