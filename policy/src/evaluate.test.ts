import { apiVersion, type EndpointSlice, type EntityRule, type Profile, type Rule, type Tier } from "@brindle/api";
import { describe, expect, it } from "vitest";
import type { Cluster, Policy } from "./cluster.ts";
import { evaluate } from "./evaluate.ts";
import { explain } from "./explain.ts";
import { readableNetworkSet } from "./networkSet.ts";
import type { Packet } from "./packet.ts";
import {
  addressSample,
  endpointSample,
  globalNetworkSetSample,
  globalPolicySample,
  namespaceProfileSample,
  networkSetSample,
  packetSample,
  policySample,
  tierSample,
} from "./sampleCluster.ts";

const http = { name: "http", protocol: "TCP", port: 8080 };
const endpoints = [
  endpointSample("client", { labels: { app: "client" }, addresses: ["10.0.0.1", "fd00::1"] }),
  endpointSample("web", { labels: { app: "web" }, addresses: ["10.0.0.2", "fd00::2"], ports: [http] }),
  endpointSample("other", { labels: { app: "client" }, addresses: ["10.0.1.1"], namespace: "team-b" }),
];
const profiles = [namespaceProfileSample("default"), namespaceProfileSample("team-b", { team: "b" })];

function clusterOf(...policies: Policy[]): Cluster {
  return { endpoints, profiles, policies, nodes: new Map([["node1", [addressSample("192.0.2.1")]]]) };
}

function ingressOf(...rules: Rule[]): Cluster {
  return clusterOf(policySample("web", { selector: "app == 'web'", types: ["Ingress"], ingress: rules }));
}

function allowFrom(source: EntityRule): Rule {
  return { action: "Allow", source };
}

const echo = { type: 8, code: 0 };
const toWeb = packetSample("10.0.0.1", "10.0.0.2");
const toWebV6 = packetSample("fd00::1", "fd00::2");
const othersToWeb = packetSample("10.0.1.1", "10.0.0.2");
const outsideToWeb = packetSample("203.0.113.9", "10.0.0.2");

describe("sets of networks", () => {
  const office = networkSetSample("office", { labels: { app: "office" }, nets: ["203.0.113.0/24", "2001:db8::1"] });
  const partners = globalNetworkSetSample("partners", {
    labels: { app: "office" },
    nets: ["198.51.100.7/24", "10.0.0.1"],
  });
  const office6 = packetSample("2001:db8::1", "fd00::2");
  const other6 = packetSample("2001:db8::2", "fd00::2");
  const partnerToWeb = packetSample("198.51.100.200", "10.0.0.2");
  const strangerToWeb = packetSample("192.0.2.77", "10.0.0.2");

  const table: { name: string; source: EntityRule; found: Packet[]; missed: Packet[] }[] = [
    {
      name: "of the rule's namespace are found by their labels",
      source: { selector: "app == 'office'" },
      found: [outsideToWeb, office6],
      missed: [partnerToWeb, strangerToWeb, other6, toWeb],
    },
    {
      name: "of the cluster are found with global(), host bits masked, pods among them",
      source: { selector: "app == 'office'", namespaceSelector: "global()" },
      found: [partnerToWeb, toWeb],
      missed: [outsideToWeb, strangerToWeb],
    },
    {
      name: "are found by the labels of their namespace",
      source: { namespaceSelector: "projectcalico.org/name == 'default'" },
      found: [outsideToWeb, office6, toWeb],
      missed: [partnerToWeb, othersToWeb],
    },
    {
      name: "can be excluded",
      source: { nets: ["0.0.0.0/0"], notSelector: "app == 'office'" },
      found: [],
      missed: [outsideToWeb, partnerToWeb],
    },
  ];
  for (const { name, source, found, missed } of table) {
    it(name, () => {
      const cluster = { ...ingressOf(allowFrom(source)), networkSets: [office, partners] };
      for (const packet of found) expect(evaluate(cluster, packet).verdict).toBe("allow");
      for (const packet of missed) expect(evaluate(cluster, packet).verdict).toBe("deny");
    });
  }

  it("deny what a rule denies, also where only a part of them can be read", () => {
    const rules: Rule[] = [{ action: "Deny", source: { selector: "app == 'office'" } }, { action: "Allow" }];
    const key = { kind: "NetworkSet", namespace: "default", name: "office" } as const;
    const text = { metadata: { labels: { app: "office" } }, spec: { nets: ["203.0.113.0/24", "no network", 7] } };
    const { set, problem } = readableNetworkSet(key, "is odd", text);
    expect(problem).toBe("is odd; rules find 1 of its networks");
    const cluster = { ...ingressOf(...rules), networkSets: [set] };
    expect(evaluate(cluster, outsideToWeb).verdict).toBe("deny");
    expect(evaluate(cluster, strangerToWeb).verdict).toBe("allow");
  });
});

describe("one ingress rule", () => {
  const ping = packetSample("10.0.0.1", "10.0.0.2", { protocol: 1, icmp: { type: 8, code: 0 } });
  const to8080 = { ...toWeb, destinationPort: 8080 };
  const ports = (...specs: (string | number)[]): Rule => ({
    action: "Allow",
    protocol: "TCP",
    destination: { ports: specs },
  });

  const table: { name: string; rule: Rule; allowed: Packet[]; denied?: Packet[] }[] = [
    { name: "without a condition matches everything", rule: { action: "Allow" }, allowed: [toWeb, toWebV6, ping] },
    { name: "matches its IP version", rule: { action: "Allow", ipVersion: 6 }, allowed: [toWebV6], denied: [toWeb] },
    { name: "matches its protocol", rule: { action: "Allow", protocol: "tcp" }, allowed: [toWeb], denied: [ping] },
    { name: "takes a protocol by number", rule: { action: "Allow", protocol: 1 }, allowed: [ping], denied: [toWeb] },
    { name: "excludes a protocol", rule: { action: "Allow", notProtocol: "TCP" }, allowed: [ping], denied: [toWeb] },
    {
      name: "matches an ICMP type",
      rule: { action: "Allow", protocol: "ICMP", icmp: { type: 8, code: 0 } },
      allowed: [ping],
      denied: [toWeb, { ...ping, icmp: { type: 13, code: 0 } }, { ...ping, icmp: { type: 8, code: 1 } }],
    },
    {
      name: "excludes an ICMP type, and still speaks of ICMP alone",
      rule: { action: "Allow", protocol: "ICMP", notICMP: { type: 13 } },
      allowed: [ping],
      denied: [toWeb, { ...ping, icmp: { type: 13, code: 0 } }],
    },
    { name: "matches a port and a range", rule: ports(80, "8000:8999"), allowed: [toWeb, to8080] },
    { name: "matches no other port", rule: ports(81, "8000:8079", "8081:8999"), allowed: [], denied: [toWeb, to8080] },
    { name: "reads a port's name at its endpoint", rule: ports("http"), allowed: [to8080], denied: [toWeb] },
    {
      name: "reads a port's name with its protocol",
      rule: ports("http"),
      allowed: [],
      denied: [{ ...to8080, protocol: 17 }],
    },
    {
      name: "excludes ports",
      rule: { action: "Allow", protocol: "TCP", destination: { notPorts: ["http", "1:20"] } },
      allowed: [toWeb],
      denied: [to8080, { ...toWeb, destinationPort: 20 }],
    },
    {
      name: "matches nets",
      rule: allowFrom({ nets: ["10.0.0.0/24"] }),
      allowed: [toWeb],
      denied: [othersToWeb, toWebV6],
    },
    {
      name: "excludes nets",
      rule: allowFrom({ notNets: ["10.0.1.0/24"] }),
      allowed: [toWeb, toWebV6],
      denied: [othersToWeb],
    },
    {
      name: "looks for endpoints in its own namespace",
      rule: allowFrom({ selector: "app == 'client'" }),
      allowed: [toWeb, toWebV6],
      denied: [othersToWeb, outsideToWeb],
    },
    {
      name: "looks for endpoints in the namespaces it selects",
      rule: allowFrom({ selector: "app == 'client'", namespaceSelector: "team == 'b'" }),
      allowed: [othersToWeb],
      denied: [toWeb],
    },
    {
      name: "finds all namespaces",
      rule: allowFrom({ namespaceSelector: "all()" }),
      allowed: [toWeb, othersToWeb],
      denied: [outsideToWeb],
    },
    {
      name: "finds no pod with global()",
      rule: allowFrom({ namespaceSelector: "global()" }),
      allowed: [],
      denied: [toWeb],
    },
    {
      name: "means its own namespace by a negated selector alone",
      rule: allowFrom({ notSelector: "app == 'web'" }),
      allowed: [toWeb],
      denied: [othersToWeb, outsideToWeb],
    },
  ];
  for (const { name, rule, allowed, denied = [] } of table) {
    it(name, () => {
      for (const packet of allowed) expect(evaluate(ingressOf(rule), packet).verdict).toBe("allow");
      for (const packet of denied) expect(evaluate(ingressOf(rule), packet).verdict).toBe("deny");
    });
  }

  it("of a global policy means the rest of the world by a negated selector alone", () => {
    const rule = allowFrom({ notSelector: "app == 'web'" });
    const cluster = clusterOf(globalPolicySample("g", { selector: "app == 'web'", ingress: [rule] }));
    expect(evaluate(cluster, outsideToWeb).verdict).toBe("allow");
  });
});

describe("several policies", () => {
  const web = "app == 'web'";
  const allow: Rule = { action: "Allow" };
  const deny: Rule = { action: "Deny" };
  const pass: Rule = { action: "Pass" };
  const table: { name: string; policies: Policy[]; verdict: string; decider: object }[] = [
    {
      name: "none selects the endpoint: its profile decides",
      policies: [],
      verdict: "allow",
      decider: { kind: "profileRule", profile: "kns.default", rule: 0 },
    },
    {
      name: "one without rules denies",
      policies: [policySample("p", { selector: web })],
      verdict: "deny",
      decider: { kind: "noPolicyRule", policies: [{ kind: "NetworkPolicy", namespace: "default", name: "p" }] },
    },
    {
      name: "one for the other direction does not count",
      policies: [policySample("p", { selector: web, egress: [deny] })],
      verdict: "allow",
      decider: { kind: "profileRule" },
    },
    {
      name: "one of another namespace does not count",
      policies: [policySample("p", { selector: web, ingress: [deny] }, "team-b")],
      verdict: "allow",
      decider: { kind: "profileRule" },
    },
    {
      name: "the lower order decides",
      policies: [
        policySample("late", { selector: web, order: 10, ingress: [deny] }),
        policySample("early", { selector: web, order: 9.5, ingress: [allow] }),
      ],
      verdict: "allow",
      decider: { kind: "policyRule", policy: { kind: "NetworkPolicy", namespace: "default", name: "early" }, rule: 0 },
    },
    {
      name: "no order comes last",
      policies: [
        policySample("a", { selector: web, ingress: [deny] }),
        policySample("b", { selector: web, order: 9e9, ingress: [allow] }),
      ],
      verdict: "allow",
      decider: { kind: "policyRule" },
    },
    {
      name: "equal orders go by name",
      policies: [
        globalPolicySample("b", { selector: web, ingress: [deny] }),
        policySample("a", { selector: web, ingress: [allow] }),
      ],
      verdict: "allow",
      decider: { kind: "policyRule" },
    },
    {
      name: "passing on leaves the policies that follow out",
      policies: [
        policySample("a", { selector: web, ingress: [pass] }),
        policySample("b", { selector: web, ingress: [deny] }),
      ],
      verdict: "allow",
      decider: { kind: "profileRule" },
    },
    {
      name: "logging goes on",
      policies: [policySample("a", { selector: web, ingress: [{ action: "Log" }, deny] })],
      verdict: "deny",
      decider: { kind: "policyRule", rule: 1 },
    },
    {
      name: "a global one selects by namespace",
      policies: [globalPolicySample("g", { namespaceSelector: "team == 'b'", ingress: [deny] })],
      verdict: "allow",
      decider: { kind: "profileRule" },
    },
  ];
  for (const { name, policies, verdict, decider } of table) {
    it(name, () => {
      const { ingress } = evaluate(clusterOf(...policies), toWeb);
      expect(ingress.verdict).toBe(verdict);
      expect(ingress.decidedBy).toMatchObject(decider);
    });
  }
});

describe("tiers", () => {
  const web = "app == 'web'";
  const allow: Rule = { action: "Allow" };
  const deny: Rule = { action: "Deny" };
  const pass: Rule = { action: "Pass" };
  const early = tierSample("early", { order: 10 });
  const lenient = tierSample("early", { order: 10, defaultAction: "Pass" });
  const late = tierSample("late", { order: 2e6 });
  const inTier = (tier: string, ...ingress: Rule[]): Policy =>
    globalPolicySample(`${tier}-policy`, { tier, selector: web, types: ["Ingress"], ingress });
  const inDefault = (...ingress: Rule[]): Policy =>
    policySample("p", { selector: web, types: ["Ingress"], order: 1, ingress });

  const table: { name: string; tiers?: Tier[]; policies: Policy[]; verdict: string; decider: object }[] = [
    {
      name: "the lower order decides, whatever the policies' own orders",
      tiers: [early],
      policies: [inTier("early", allow), inDefault(deny)],
      verdict: "allow",
      decider: { kind: "policyRule", tier: "early" },
    },
    {
      name: "one with a higher order comes behind the default",
      tiers: [late],
      policies: [inTier("late", deny), inDefault(allow)],
      verdict: "allow",
      decider: { kind: "policyRule", tier: "default" },
    },
    {
      name: "passing on leads to the next",
      tiers: [early],
      policies: [inTier("early", pass, deny), inDefault(deny)],
      verdict: "deny",
      decider: { kind: "policyRule", tier: "default" },
    },
    {
      name: "passing on in the last leads to the profiles",
      tiers: [early],
      policies: [inTier("early", pass)],
      verdict: "allow",
      decider: { kind: "profileRule" },
    },
    {
      name: "what none of its policies decides is denied",
      tiers: [early],
      policies: [inTier("early"), inDefault(allow)],
      verdict: "deny",
      decider: { kind: "noPolicyRule", tier: "early" },
    },
    {
      name: "unless the tier passes on",
      tiers: [lenient],
      policies: [inTier("early"), inDefault(allow)],
      verdict: "allow",
      decider: { kind: "policyRule", tier: "default" },
    },
    {
      name: "one without a policy for the endpoint and direction does not count",
      tiers: [early],
      policies: [globalPolicySample("e", { tier: "early", selector: web, egress: [deny] }), inDefault(allow)],
      verdict: "allow",
      decider: { kind: "policyRule", tier: "default" },
    },
    {
      name: "Kubernetes' own are there without being made: the administrator's before, passing on",
      policies: [inTier("kube-admin"), inDefault(allow), inTier("kube-baseline", deny)],
      verdict: "allow",
      decider: { kind: "policyRule", tier: "default" },
    },
    {
      name: "and the baseline where no other policy is",
      policies: [inTier("kube-baseline", deny)],
      verdict: "deny",
      decider: { kind: "policyRule", tier: "kube-baseline" },
    },
    {
      name: "one that does not exist closes what its policies select, before all others",
      tiers: [early],
      policies: [inTier("gone", allow), inTier("early", allow)],
      verdict: "deny",
      decider: { kind: "noPolicyRule", tier: "?" },
    },
    {
      name: "tiers of one order go by name",
      tiers: [tierSample("b", { order: 5 }), tierSample("a", { order: 5 })],
      policies: [inTier("b", deny), inTier("a", allow)],
      verdict: "allow",
      decider: { kind: "policyRule", tier: "a" },
    },
  ];
  for (const { name, tiers = [], policies, verdict, decider } of table) {
    it(name, () => {
      const { ingress } = evaluate({ ...clusterOf(...policies), tiers }, toWeb);
      expect(ingress.decidedBy).toMatchObject(decider);
      expect(ingress.verdict).toBe(verdict);
    });
  }

  it("are told where they pass on", () => {
    const cluster = { ...clusterOf(inTier("early"), inDefault(allow)), tiers: [lenient] };
    const { lines } = explain(cluster, toWeb);
    expect(lines.slice(lines.findIndex((line) => line.startsWith("ingress")))).toEqual([
      "ingress of the destination default/web: allow, Allow by rule 0 of NetworkPolicy default/p",
      "  tier early passes on what none of its policies decides",
      "  tier default",
      "    NetworkPolicy default/p",
      "      0 Allow everything: decides",
    ]);
  });
});

describe("service accounts", () => {
  const ops: Profile = {
    apiVersion,
    kind: "Profile",
    metadata: { name: "ksa.default.ops" },
    spec: { labelsToApply: { "pcsa.role": "ops" } },
  };
  const under = (name: string, address: string, profiles: string[] = []) =>
    endpointSample(name, {
      labels: { "projectcalico.org/serviceaccount": name },
      addresses: [address],
      profiles: ["kns.default", ...profiles],
    });
  const pods = [under("ops", "10.0.0.5", ["ksa.default.ops"]), under("guest", "10.0.0.6")];
  const fromOps = packetSample("10.0.0.5", "10.0.0.2");
  const fromGuest = packetSample("10.0.0.6", "10.0.0.2");
  const verdicts = (cluster: Cluster) => {
    const whole = { ...cluster, endpoints: [...endpoints, ...pods], profiles: [...profiles, ops] };
    return [fromOps, fromGuest, toWeb].map((packet) => evaluate(whole, packet).verdict);
  };
  const table: { name: string; source: EntityRule; expected: string[] }[] = [
    {
      name: "are matched by name",
      source: { serviceAccounts: { names: ["guest"] } },
      expected: ["deny", "allow", "deny"],
    },
    {
      name: "are matched by label",
      source: { serviceAccounts: { selector: "role == 'ops'" } },
      expected: ["allow", "deny", "deny"],
    },
    {
      name: "are matched by both at once",
      source: { serviceAccounts: { names: ["guest"], selector: "role == 'ops'" } },
      expected: ["deny", "deny", "deny"],
    },
    {
      name: "are matched beside labels of the pod",
      source: { selector: "app == 'x'", serviceAccounts: { names: ["ops"] } },
      expected: ["deny", "deny", "deny"],
    },
    { name: "that are none mean nothing", source: { serviceAccounts: {} }, expected: ["allow", "allow", "allow"] },
  ];
  for (const { name, source, expected } of table) {
    it(name, () => expect(verdicts(ingressOf(allowFrom(source)))).toEqual(expected));
  }

  it("select whom a policy is for", () => {
    const policy = globalPolicySample("ops", { serviceAccountSelector: "role == 'ops'", egress: [{ action: "Deny" }] });
    expect(verdicts(clusterOf(policy))).toEqual(["deny", "allow", "allow"]);
  });
});

describe("Services", () => {
  const slice = (service: string, addresses: readonly string[], ...ports: EndpointSlice["ports"]): EndpointSlice => ({
    ...{ namespace: "kube-system", name: `${service}-${addresses.join()}`, service, addresses, ports },
  });
  const dns = { services: { name: "dns", namespace: "kube-system" } };
  const endpointSlices = [
    slice("dns", ["10.0.0.2", "not.an.address"], { protocol: "UDP", port: 53 }, { protocol: "TCP", port: 53 }),
    slice("dns", ["198.51.100.7", "fd00::2"], { protocol: "UDP", port: 5353 }),
    slice("other", ["10.0.0.2"], { protocol: "UDP", port: 99 }),
  ];
  const egress = policySample("out", {
    selector: "app == 'client'",
    types: ["Egress"],
    egress: [{ action: "Allow", destination: dns }],
  });
  const ingress = policySample("in", {
    selector: "app == 'web'",
    types: ["Ingress"],
    ingress: [{ action: "Allow", protocol: "UDP", source: { ...dns, ports: [53] } }],
  });
  const cluster = { ...clusterOf(egress, ingress), endpointSlices };
  const udp = (destination: string, destinationPort: number, sourcePort = 40_000): Packet =>
    packetSample(destination.includes(":") ? "fd00::1" : "10.0.0.1", destination, {
      protocol: 17,
      destinationPort,
      sourcePort,
    });
  const cases: { name: string; packet: Packet; verdict: string; end?: "ingress" }[] = [
    { name: "an address and a port of it", packet: udp("10.0.0.2", 53), verdict: "allow" },
    { name: "another port", packet: udp("10.0.0.2", 54), verdict: "deny" },
    { name: "the port of another slice", packet: udp("10.0.0.2", 5353), verdict: "deny" },
    { name: "the port of another Service", packet: udp("10.0.0.2", 99), verdict: "deny" },
    {
      name: "a protocol of it",
      packet: packetSample("10.0.0.1", "10.0.0.2", { destinationPort: 53 }),
      verdict: "allow",
    },
    { name: "another protocol", packet: { ...udp("198.51.100.7", 5353), protocol: 6 }, verdict: "deny" },
    { name: "what is no pod", packet: udp("198.51.100.7", 5353), verdict: "allow" },
    { name: "the other family", packet: udp("fd00::2", 5353), verdict: "allow" },
    {
      name: "an echo request",
      packet: packetSample("10.0.0.1", "10.0.0.2", { protocol: 1, icmp: echo }),
      verdict: "deny",
    },
    {
      name: "as a source, by its address",
      packet: packetSample("198.51.100.7", "10.0.0.2", { protocol: 17, sourcePort: 53, destinationPort: 7 }),
      verdict: "allow",
      end: "ingress",
    },
    {
      name: "as a source, with the port that the rule names",
      packet: packetSample("198.51.100.7", "10.0.0.2", { protocol: 17, sourcePort: 5353, destinationPort: 7 }),
      verdict: "deny",
      end: "ingress",
    },
    {
      name: "as a source, somebody else",
      packet: packetSample("198.51.100.8", "10.0.0.2", { protocol: 17, sourcePort: 53, destinationPort: 7 }),
      verdict: "deny",
      end: "ingress",
    },
  ];
  for (const { name, packet, verdict, end = "egress" } of cases) {
    it(`are meant by what is behind them: ${name}, ${verdict}`, () => {
      expect(evaluate(cluster, packet)[end].verdict).toBe(verdict);
    });
  }

  it("are of the policy's own namespace unless told", () => {
    const own = endpointSlices.map((one) => ({ ...one, namespace: "default" }));
    const rule: Rule = { action: "Allow", destination: { services: { name: "dns" } } };
    const policy = { ...egress, spec: { ...egress.spec, egress: [rule] } };
    const within = { ...clusterOf(policy), endpointSlices: own };
    expect(evaluate(within, udp("10.0.0.2", 53)).egress.verdict).toBe("allow");
    expect(evaluate({ ...within, endpointSlices }, udp("10.0.0.2", 53)).egress.verdict).toBe("deny");
  });

  it("close their policy where nobody can tell what is behind them", () => {
    const { endpointSlices: _, ...unknown } = cluster;
    expect(evaluate(unknown, udp("10.0.0.2", 53)).egress.decidedBy).toMatchObject({ kind: "noPolicyRule" });
  });

  it("are told by name", () => {
    const { lines } = explain(cluster, udp("10.0.0.2", 54));
    expect(lines).toContain(
      "      0 Allow to service kube-system/dns: destination 10.0.0.2 port 54 is not behind service kube-system/dns",
    );
  });
});

describe("both ends", () => {
  const denyAll: Policy = globalPolicySample("deny", { selector: "app == 'client'", types: ["Egress"] });
  const open = clusterOf();

  it("are asked: the source may not send though the destination would take it", () => {
    const result = evaluate(clusterOf(denyAll), toWeb);
    expect([result.verdict, result.egress.verdict, result.ingress.verdict]).toEqual(["deny", "deny", "allow"]);
  });
  it("are not policed where no endpoint is", () => {
    expect(evaluate(open, outsideToWeb).egress.decidedBy.kind).toBe("noEndpoint");
  });
  it("let a node reach its own pods, whatever policy says", () => {
    const cluster = clusterOf(globalPolicySample("deny", { types: ["Ingress"] }));
    expect(evaluate(cluster, packetSample("192.0.2.1", "10.0.0.2")).verdict).toBe("allow");
  });
  it("keep a pod from its own node unless the operator says otherwise", () => {
    const packet = packetSample("10.0.0.1", "192.0.2.1");
    expect(evaluate(open, packet).egress.decidedBy.kind).toBe("toOwnNode");
    expect(evaluate({ ...open, endpointToHostAction: "Accept" }, packet).verdict).toBe("allow");
  });
  it("leave an endpoint's traffic with itself alone", () => {
    expect(evaluate(clusterOf(denyAll), packetSample("10.0.0.1", "10.0.0.1")).verdict).toBe("allow");
  });
  it("deny what a profile passes on, whatever the next one allows", () => {
    const passing: Profile = { ...namespaceProfileSample("passing"), spec: { ingress: [{ action: "Pass" }] } };
    const pod = endpointSample("passed", { addresses: ["10.0.0.3"], profiles: ["kns.passing", "kns.default"] });
    const cluster = { ...clusterOf(), endpoints: [...endpoints, pod], profiles: [...profiles, passing] };
    const { ingress } = evaluate(cluster, packetSample("10.0.0.2", "10.0.0.3"));
    expect(ingress.verdict).toBe("deny");
    expect(ingress.decidedBy).toEqual({ kind: "profileRule", profile: "kns.passing", rule: 0, action: "Pass" });
  });

  it("deny an endpoint whose profile does not exist", () => {
    const lost = endpointSample("lost", { addresses: ["10.0.0.3"], profiles: ["kns.gone"] });
    const result = evaluate({ ...open, endpoints: [...endpoints, lost] }, packetSample("10.0.0.1", "10.0.0.3"));
    expect(result.ingress.decidedBy).toEqual({ kind: "noProfileRule", profiles: ["kns.gone"] });
  });
});

it("explain names the deciding rule and those before it", () => {
  const rules: Rule[] = [
    { action: "Allow", protocol: "UDP" },
    allowFrom({ selector: "app == 'x'" }),
    { action: "Deny" },
  ];
  expect(explain(ingressOf(...rules), toWeb).lines).toEqual([
    "tcp from 10.0.0.1 to 10.0.0.2 port 80: DENIED",
    "egress of the source default/client: allow, no policy decides, Allow by rule 0 of Profile kns.default",
    "  profiles",
    "    Profile kns.default",
    "      0 Allow everything: decides",
    "ingress of the destination default/web: deny, Deny by rule 2 of NetworkPolicy default/web",
    "  tier default",
    "    NetworkPolicy default/web",
    "      0 Allow udp: protocol is tcp, not udp",
    "      1 Allow from endpoints with app == 'x': source does not match its selector",
    "      2 Deny everything: decides",
  ]);
});
