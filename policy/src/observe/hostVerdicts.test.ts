/** What random clusters do not come upon; the rest is held to `evaluate` by the oracle. */
import { apiVersion, type GlobalPolicySpec, type HostEndpoint } from "@brindle/api";
import type { Flow, FlowTuple } from "@brindle/net";
import { describe, expect, it } from "vitest";
import { PolicyGraph, type PolicyResource } from "../graph/policyGraph.ts";
import {
  addressSample,
  endpointSample,
  globalPolicySample,
  namespaceProfileSample,
  packetSample,
} from "../sampleCluster.ts";
import { ChainVerdicts } from "./chainVerdicts.ts";
import { firstOfFlow, flowMarks } from "./flowsToEnd.ts";
import type { NodeNetwork } from "./passage.ts";

const host = (interfaceName: string, role: string): HostEndpoint => ({
  apiVersion,
  kind: "HostEndpoint",
  metadata: { name: interfaceName === "*" ? "all" : interfaceName, labels: { role } },
  spec: { node: "node1", interfaceName, profiles: ["kns.default"] },
});
const toNodePort = { protocol: "TCP", destination: { ports: [30_080] } };
const policy = (name: string, spec: GlobalPolicySpec): PolicyResource =>
  globalPolicySample(name, { selector: "role == 'closed'", applyOnForward: true, types: ["Ingress"], ...spec });
const pod = endpointSample("web", { addresses: ["10.0.0.1"] });

function verdictsOf(...resources: readonly PolicyResource[]): ChainVerdicts {
  const graph = new PolicyGraph({ node: "node1" });
  for (const value of [namespaceProfileSample("default"), pod, ...resources]) {
    const { name, namespace } = value.metadata;
    graph.receive({ key: { kind: value.kind, name, ...(namespace !== undefined && { namespace }) }, value });
  }
  return new ChainVerdicts(graph.desired());
}

const network = (...towards: readonly string[]): NodeNetwork => ({
  isOwn: ({ value }) => value === addressSample("203.0.113.1").value,
  towards: () => towards,
});
const fromAfar = packetSample("198.51.100.9", "203.0.113.1", { destinationPort: 7_000 });
function ends(source: string, destination: string): Pick<FlowTuple, "source" | "destination" | "protocol"> {
  return { source: addressSample(source), destination: addressSample(destination), protocol: 6 };
}
const throughNodePort: Flow = {
  original: { ...ends("198.51.100.9", "203.0.113.1"), sourcePort: 40_000, destinationPort: 30_080 },
  reply: { ...ends("10.0.0.1", "198.51.100.9"), sourcePort: 8_080, destinationPort: 40_000 },
  zone: 0,
  mark: 0,
  isExpected: false,
};

describe("verdicts of the chains of host endpoints", () => {
  it("are of the destination that was asked for, before it is translated", () => {
    const preDnat = policy("early", { preDNAT: true, ingress: [{ action: "Deny", ...toNodePort }] });
    const verdicts = verdictsOf(host("eth0", "closed"), preDnat);
    expect(firstOfFlow(throughNodePort).packet.destinationPort).toBe(8_080);
    expect(verdicts.of(firstOfFlow(throughNodePort), network("eth0"))).toMatchObject({
      verdict: "deny",
      endpoint: "HostEndpoint eth0",
      rule: "GlobalNetworkPolicy early ingress 0",
    });
    expect(flowMarks([throughNodePort], verdicts, network("eth0")).toEnd).toEqual([throughNodePort]);
    const translated = { packet: firstOfFlow(throughNodePort).packet };
    expect(verdicts.of(translated, network("eth0"))?.verdict).toBe("allow");
  });

  it("ask nothing more of what was allowed before the filter", () => {
    const early = policy("early", { preDNAT: true, ingress: [{ action: "Allow", ...toNodePort }] });
    const later = policy("later", { ingress: [{ action: "Deny" }] });
    const flow = firstOfFlow(throughNodePort);
    expect(verdictsOf(host("eth0", "closed"), early, later).of(flow, network("eth0"))?.verdict).toBe("allow");
    expect(verdictsOf(host("eth0", "closed"), later).of(flow, network("eth0"))?.verdict).toBe("deny");
  });

  const closed = policy("closed", { ingress: [{ action: "Deny" }] });
  const ways: {
    readonly says: string;
    readonly hosts: readonly HostEndpoint[];
    readonly by: string[];
    readonly denied: boolean;
  }[] = [
    { says: "are those of its interface", hosts: [host("eth0", "closed")], by: ["eth0"], denied: true },
    { says: "are none of another interface", hosts: [host("eth0", "closed")], by: ["eth1"], denied: false },
    { says: "are of all others where nobody is for it", hosts: [host("*", "closed")], by: ["eth1"], denied: true },
    {
      says: "are not of all others where somebody is",
      hosts: [host("*", "closed"), host("eth1", "open")],
      by: ["eth1"],
      denied: false,
    },
    {
      says: "deny if each way that it may take does",
      hosts: [host("*", "closed")],
      by: ["eth0", "eth1"],
      denied: true,
    },
    {
      says: "do not deny if one of the ways does not",
      hosts: [host("eth1", "closed")],
      by: ["eth0", "eth1"],
      denied: false,
    },
    { says: "are not known where the way is not", hosts: [host("*", "closed")], by: [], denied: false },
  ];
  it.each(ways)("$says", ({ hosts, by, denied }) => {
    const verdict = verdictsOf(closed, ...hosts).of({ packet: fromAfar }, network(...by));
    expect(verdict?.verdict === "deny").toBe(denied);
  });

  it("are not asked about what is for many, of which routes say nothing", () => {
    const verdicts = verdictsOf(closed, host("*", "closed"));
    for (const to of ["224.0.0.251", "255.255.255.255", "ff02::fb"]) {
      const packet = packetSample(to.includes(":") ? "2001:db8::9" : "198.51.100.9", to);
      expect(verdicts.of({ packet }, network("eth0"))).toBeNull();
    }
  });
});
