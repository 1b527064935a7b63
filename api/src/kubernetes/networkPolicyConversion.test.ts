import { describe, expect, it } from "vitest";
import type { Rule } from "../kinds/rule.ts";
import { convertNetworkPolicy } from "./networkPolicyConversion.ts";

function manifest(spec: unknown, metadata: unknown = { name: "p", namespace: "default" }): unknown {
  return { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata, spec };
}

function converted(spec: unknown) {
  const result = convertNetworkPolicy(manifest(spec));
  if (result.kind === "invalid") throw new Error(JSON.stringify(result.faults));
  return result.policy;
}

const k8s = "projectcalico.org/orchestrator == 'k8s'";

describe("a converted policy", () => {
  it("has Calico's name, order and selector", () => {
    const policy = converted({ podSelector: { matchLabels: { role: "db", app: "shop" } } });
    expect(policy.metadata).toEqual({ name: "knp.default.p", namespace: "default" });
    expect(policy.spec).toEqual({
      order: 1000,
      selector: `${k8s} && app == 'shop' && role == 'db'`,
      types: ["Ingress"],
      ingress: [],
      egress: [],
    });
  });

  const selectors: { name: string; requirement: object; text: string }[] = [
    { name: "In", requirement: { operator: "In", values: ["a", "b"] }, text: "x in { 'a', 'b' }" },
    { name: "NotIn", requirement: { operator: "NotIn", values: ["a"] }, text: "x not in { 'a' }" },
    { name: "Exists", requirement: { operator: "Exists" }, text: "has(x)" },
    { name: "DoesNotExist", requirement: { operator: "DoesNotExist" }, text: "! has(x)" },
  ];
  for (const { name, requirement, text } of selectors) {
    it(`writes ${name}`, () => {
      const policy = converted({ podSelector: { matchExpressions: [{ key: "x", ...requirement }] } });
      expect(policy.spec.selector).toBe(`${k8s} && ${text}`);
    });
  }

  const types: { name: string; spec: object; types: string[] }[] = [
    { name: "ingress by default", spec: {}, types: ["Ingress"] },
    { name: "both where it has egress rules", spec: { egress: [{}] }, types: ["Ingress", "Egress"] },
    {
      name: "both, in whatever order they are written",
      spec: { policyTypes: ["Egress", "Ingress"] },
      types: ["Ingress", "Egress"],
    },
    { name: "ingress where policyTypes is empty", spec: { policyTypes: [] }, types: ["Ingress"] },
    { name: "what policyTypes says", spec: { policyTypes: ["Egress"], ingress: [{}] }, types: ["Egress"] },
  ];
  for (const { name, spec, types: expected } of types) {
    it(`is about ${name}`, () => expect(converted({ podSelector: {}, ...spec }).spec.types).toEqual(expected));
  }

  const rules: { name: string; rule: object; expected: Rule[] }[] = [
    { name: "an empty rule, which allows anything", rule: {}, expected: [{ action: "Allow" }] },
    { name: "empty lists, which allow anything", rule: { from: [], ports: [] }, expected: [{ action: "Allow" }] },
    {
      name: "pods of the own namespace",
      rule: { from: [{ podSelector: { matchLabels: { a: "b" } } }] },
      expected: [{ action: "Allow", source: { selector: `${k8s} && a == 'b'` } }],
    },
    {
      name: "all pods of all namespaces",
      rule: { from: [{ namespaceSelector: {} }] },
      expected: [{ action: "Allow", source: { selector: k8s, namespaceSelector: "all()" } }],
    },
    {
      name: "some pods of some namespaces",
      rule: { from: [{ podSelector: {}, namespaceSelector: { matchLabels: { team: "b" } } }] },
      expected: [{ action: "Allow", source: { selector: k8s, namespaceSelector: "team == 'b'" } }],
    },
    {
      name: "a block with exceptions",
      rule: { from: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] } }] },
      expected: [{ action: "Allow", source: { nets: ["10.0.0.0/8"], notNets: ["10.1.0.0/16"] } }],
    },
    {
      name: "a block with host bits, which are dropped",
      rule: { from: [{ ipBlock: { cidr: "10.0.0.9/8", except: ["10.1.2.3/16"] } }] },
      expected: [{ action: "Allow", source: { nets: ["10.0.0.0/8"], notNets: ["10.1.0.0/16"] } }],
    },
    {
      name: "neighbouring ports as one range",
      rule: { ports: [{ port: 82 }, { port: 80 }, { port: 81 }, { port: 9090 }, { port: 9000, endPort: 9100 }] },
      expected: [{ action: "Allow", protocol: "TCP", destination: { ports: ["80:82", "9000:9100"] } }],
    },
    {
      name: "null in place of what is missing",
      rule: { from: null, ports: [{ port: null, endPort: null, protocol: null }] },
      expected: [{ action: "Allow", protocol: "TCP" }],
    },
    {
      name: "ports of several protocols, each of which is a rule",
      rule: { ports: [{ port: 80 }, { port: 53, protocol: "UDP" }, { port: "http" }, { port: 1000, endPort: 2000 }] },
      expected: [
        { action: "Allow", protocol: "TCP", destination: { ports: ["http", 80, "1000:2000"] } },
        { action: "Allow", protocol: "UDP", destination: { ports: [53] } },
      ],
    },
    {
      name: "a protocol without a port, which opens all its ports",
      rule: { ports: [{ protocol: "TCP" }, { port: 80 }] },
      expected: [{ action: "Allow", protocol: "TCP" }],
    },
    {
      name: "each peer with each protocol",
      rule: {
        from: [{ podSelector: {} }, { ipBlock: { cidr: "::/0" } }],
        ports: [{ port: 80 }, { protocol: "UDP", port: 53 }],
      },
      expected: [
        { action: "Allow", protocol: "TCP", source: { selector: k8s }, destination: { ports: [80] } },
        { action: "Allow", protocol: "TCP", source: { nets: ["::/0"] }, destination: { ports: [80] } },
        { action: "Allow", protocol: "UDP", source: { selector: k8s }, destination: { ports: [53] } },
        { action: "Allow", protocol: "UDP", source: { nets: ["::/0"] }, destination: { ports: [53] } },
      ],
    },
  ];
  for (const { name, rule, expected } of rules) {
    it(`has ${name}`, () => expect(converted({ podSelector: {}, ingress: [rule] }).spec.ingress).toEqual(expected));
  }

  it("puts the peers of egress and the ports on the destination", () => {
    const policy = converted({
      podSelector: {},
      egress: [{ to: [{ podSelector: {} }], ports: [{ port: 53, protocol: "UDP" }] }],
    });
    expect(policy.spec.egress).toEqual([
      { action: "Allow", protocol: "UDP", destination: { selector: k8s, ports: [53] } },
    ]);
  });

  it("has a selector longer than a person may write, since Kubernetes bounds none", () => {
    expect(converted({ podSelector: longSelector(100) }).spec.selector?.length).toBeGreaterThan(1024);
  });

  it("takes the namespace it is given when it names none", () => {
    const result = convertNetworkPolicy(manifest({ podSelector: {} }, { name: "p" }), "team-b");
    expect(result).toMatchObject({ policy: { metadata: { namespace: "team-b" } } });
  });
});

function longSelector(count: number) {
  const values = Array.from({ length: count }, (_, i) => `value-number-${i}`);
  return { matchExpressions: [{ key: "a", operator: "In", values }] };
}

describe("a manifest is refused", () => {
  const peer = (value: unknown) => ({ podSelector: {}, ingress: [{ from: [value] }] });
  const port = (value: unknown) => ({ podSelector: {}, ingress: [{ ports: [value] }] });
  const table: { name: string; spec: unknown; path: string; reason: string }[] = [
    { name: "without a spec", spec: undefined, path: "spec", reason: "is required" },
    {
      name: "with a field of no meaning",
      spec: { podSelector: {}, from: [] },
      path: "spec.from",
      reason: "is not a field of this object",
    },
    {
      name: "with an unknown type",
      spec: { policyTypes: ["Both"] },
      path: "spec.policyTypes[0]",
      reason: "must be one of Ingress, Egress",
    },
    {
      name: "with an empty peer",
      spec: peer({}),
      path: "spec.ingress[0].from[0]",
      reason: "must have a selector or an ipBlock",
    },
    {
      name: "with a peer of both kinds",
      spec: peer({ podSelector: {}, ipBlock: { cidr: "10.0.0.0/8" } }),
      path: "spec.ingress[0].from[0].ipBlock",
      reason: "may not stand beside a selector",
    },
    {
      name: "with a bad CIDR",
      spec: peer({ ipBlock: { cidr: "10/8" } }),
      path: "spec.ingress[0].from[0].ipBlock.cidr",
      reason: "must be a CIDR, as 10.0.0.0/8",
    },
    {
      name: "with an exception outside of its block",
      spec: peer({ ipBlock: { cidr: "10.0.0.0/8", except: ["11.0.0.0/16"] } }),
      path: "spec.ingress[0].from[0].ipBlock.except[0]",
      reason: "must lie strictly within 10.0.0.0/8",
    },
    {
      name: "with port 0",
      spec: port({ port: 0 }),
      path: "spec.ingress[0].ports[0].port",
      reason: "must be from 1 to 65535",
    },
    {
      name: "with a bad port name",
      spec: port({ port: "a_b" }),
      path: "spec.ingress[0].ports[0].port",
      reason: "must be a port's name or a number",
    },
    {
      name: "with a range that runs backwards",
      spec: port({ port: 9, endPort: 8 }),
      path: "spec.ingress[0].ports[0].endPort",
      reason: "must not be below port",
    },
    {
      name: "with a range from a name",
      spec: port({ port: "a", endPort: 8 }),
      path: "spec.ingress[0].ports[0].endPort",
      reason: "needs a port that is a number",
    },
    {
      name: "with In without values",
      spec: { podSelector: { matchExpressions: [{ key: "a", operator: "In" }] } },
      path: "spec.podSelector.matchExpressions[0].values",
      reason: "must not be empty with In",
    },
    {
      name: "with a label value that would leave its quotes",
      spec: { podSelector: { matchLabels: { a: "b' || all()" } } },
      path: "spec.podSelector.matchLabels.a",
      reason: "must be a label's value",
    },
  ];
  for (const { name, spec, path, reason } of table) {
    it(name, () => {
      const result = convertNetworkPolicy(manifest(spec));
      expect(result.kind === "invalid" && result.faults).toContainEqual({ path, reason });
    });
  }

  it("with a selector longer than can be read", () => {
    expect(convertNetworkPolicy(manifest({ podSelector: longSelector(10_000) })).kind).toBe("invalid");
  });
});
