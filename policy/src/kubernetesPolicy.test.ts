/**
 * Each field of a NetworkPolicy of Kubernetes, and its absence, as its documentation reads (`kubectl explain networkpolicy.spec`):
 * written down by hand, packet by packet, and not made from anything of ours.
 */
import { convertNetworkPolicy } from "@brindle/api";
import { describe, expect, it } from "vitest";
import type { Cluster } from "./cluster.ts";
import { evaluate } from "./evaluate.ts";
import type { Packet } from "./packet.ts";
import { endpointSample, namespaceProfileSample, packetSample } from "./sampleCluster.ts";

const ports = [
  { name: "http", protocol: "TCP", port: 80 },
  { name: "http", protocol: "UDP", port: 8080 },
  { name: "admin", protocol: "TCP", port: 9000 },
];
const pod = (namespace: string, app: string, address: string, of: typeof ports = []) =>
  endpointSample(app, { namespace, labels: { app }, addresses: [address], ports: of });
const addresses: Readonly<Record<string, string>> = {
  ...{ "a/web": "10.0.0.1", "a/api": "10.0.0.2", "a/db": "10.0.0.3" },
  ...{ "b/web": "10.0.1.1", "b/api": "10.0.1.2" },
  ...{ near: "203.0.113.9", far: "198.51.100.7" },
};
const others = Object.keys(addresses).filter((name) => name !== "a/web");
const base: Omit<Cluster, "policies"> = {
  endpoints: Object.entries(addresses).flatMap(([name, address]) => {
    const [namespace = "", app] = name.split("/");
    // Any port of a name means something at whoever has it.
    return app === undefined ? [] : [pod(namespace, app, address, app === "api" ? [] : ports)];
  }),
  profiles: [namespaceProfileSample("a", { team: "x" }), namespaceProfileSample("b", { team: "y" })],
};

function clusterWith(...specs: object[]): Cluster {
  const policies = specs.map((spec, index) => {
    const metadata = { name: `p${index}`, namespace: "a" };
    const converted = convertNetworkPolicy({
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata,
      spec,
    });
    if (converted.kind !== "converted") throw new Error(JSON.stringify(converted.faults));
    return converted.policy;
  });
  return { ...base, policies };
}

const numbers = { TCP: 6, UDP: 17, SCTP: 132 } as const;
type Traffic = `${keyof typeof numbers} ${number}`;
const packet = (from: string, to: string, traffic: Traffic): Packet => {
  const [protocol = "TCP", port] = traffic.split(" ");
  return packetSample(addresses[from] ?? "", addresses[to] ?? "", {
    protocol: numbers[protocol as keyof typeof numbers],
    destinationPort: Number(port),
  });
};
const isAllowed = (cluster: Cluster, one: Packet): boolean => evaluate(cluster, one).verdict === "allow";

/** Who reaches a/web, and whom it reaches, at TCP port 80. */
function reach(cluster: Cluster): { from: string[]; to: string[] } {
  return {
    from: others.filter((name) => isAllowed(cluster, packet(name, "a/web", "TCP 80"))),
    to: others.filter((name) => isAllowed(cluster, packet("a/web", name, "TCP 80"))),
  };
}

const web = { matchLabels: { app: "web" } };
const api = { matchLabels: { app: "api" } };
const teamY = { matchLabels: { team: "y" } };
const everyone = others;
const ofA = ["a/api", "a/db"];
const ofB = ["b/web", "b/api"];

describe("a NetworkPolicy isolates", () => {
  const rows: { name: string; specs: object[]; from?: string[]; to?: string[] }[] = [
    { name: "nobody where it selects nobody", specs: [{ podSelector: { matchLabels: { app: "none" } } }] },
    { name: "whom it selects for ingress, where nothing is said", specs: [{ podSelector: web }], from: [] },
    {
      name: "all of its namespace by an empty selector",
      specs: [{ podSelector: {} }],
      from: [],
      to: ["b/web", "b/api", "near", "far"],
    },
    { name: "all of its namespace without a selector", specs: [{}], from: [], to: ["b/web", "b/api", "near", "far"] },
    {
      name: "by an expression",
      specs: [{ podSelector: { matchExpressions: [{ key: "app", operator: "In", values: ["web", "x"] }] } }],
      from: [],
    },
    {
      name: "not by NotIn",
      specs: [{ podSelector: { matchExpressions: [{ key: "app", operator: "NotIn", values: ["web"] }] } }],
      to: [...ofB, "near", "far"],
    },
    {
      name: "by Exists, and not by DoesNotExist",
      specs: [
        { podSelector: { matchExpressions: [{ key: "app", operator: "Exists" }] } },
        { podSelector: { matchExpressions: [{ key: "app", operator: "DoesNotExist" }] }, policyTypes: ["Egress"] },
      ],
      from: [],
      to: [...ofB, "near", "far"],
    },
    { name: "for egress too where it has an egress section", specs: [{ podSelector: web, egress: [{}] }], from: [] },
    {
      name: "for ingress alone where its egress section is empty and types are not given",
      specs: [{ podSelector: web, egress: [] }],
      from: [],
    },
    { name: "for egress alone by types", specs: [{ podSelector: web, policyTypes: ["Egress"] }], to: [] },
    {
      name: "for egress alone, whatever its ingress section says",
      specs: [{ podSelector: web, policyTypes: ["Egress"], ingress: [] }],
      to: [],
    },
    { name: "for both by types", specs: [{ podSelector: web, policyTypes: ["Ingress", "Egress"] }], from: [], to: [] },
    {
      name: "for ingress by types, whatever its egress section says",
      specs: [{ podSelector: web, policyTypes: ["Ingress"], egress: [] }],
      from: [],
    },
  ];
  for (const { name, specs, from = everyone, to = everyone } of rows) {
    it(name, () => expect(reach(clusterWith(...specs))).toEqual({ from, to }));
  }
});

describe("a rule of a NetworkPolicy allows", () => {
  const block = (cidr: string, ...except: string[]) => ({ ipBlock: { cidr, ...(except.length > 0 && { except }) } });
  const rows: { name: string; peers: readonly object[] | undefined; who: string[] }[] = [
    { name: "everyone without peers", peers: undefined, who: everyone },
    { name: "everyone with an empty list of peers", peers: [], who: everyone },
    { name: "all pods of its namespace by an empty podSelector", peers: [{ podSelector: {} }], who: ofA },
    { name: "pods of its namespace by labels", peers: [{ podSelector: api }], who: ["a/api"] },
    {
      name: "all pods of all namespaces by an empty namespaceSelector",
      peers: [{ namespaceSelector: {} }],
      who: [...ofA, ...ofB],
    },
    { name: "all pods of namespaces by labels", peers: [{ namespaceSelector: teamY }], who: ofB },
    {
      name: "pods by labels in namespaces by labels, both in one peer",
      peers: [{ namespaceSelector: teamY, podSelector: api }],
      who: ["b/api"],
    },
    {
      name: "either of them in two peers",
      peers: [{ namespaceSelector: teamY }, { podSelector: api }],
      who: ["a/api", ...ofB],
    },
    {
      name: "pods by labels in any namespace",
      peers: [{ namespaceSelector: {}, podSelector: api }],
      who: ["a/api", "b/api"],
    },
    {
      name: "all pods of namespaces beside an empty podSelector",
      peers: [{ namespaceSelector: teamY, podSelector: {} }],
      who: ofB,
    },
    {
      name: "a namespace by its name",
      peers: [{ namespaceSelector: { matchLabels: { "projectcalico.org/name": "b" } } }],
      who: ofB,
    },
    {
      name: "nobody by labels that no namespace has",
      peers: [{ namespaceSelector: { matchLabels: { team: "z" } } }],
      who: [],
    },
    { name: "a network", peers: [block("203.0.113.0/24")], who: ["near"] },
    { name: "a network, pods within it included", peers: [block("10.0.0.0/8")], who: [...ofA, ...ofB] },
    {
      name: "a network but for parts of it",
      peers: [block("0.0.0.0/0", "10.0.1.0/24", "198.51.100.0/24")],
      who: [...ofA, "near"],
    },
    {
      name: "what one peer excepts and another has",
      peers: [block("0.0.0.0/0", "10.0.0.0/8"), { podSelector: api }],
      who: ["a/api", "near", "far"],
    },
  ];
  for (const { name, peers, who } of rows) {
    it(`${name}, from and to`, () => {
      const ingress = { ...(peers && { from: peers }) };
      const egress = { ...(peers && { to: peers }) };
      const spec = { podSelector: web, policyTypes: ["Ingress", "Egress"], ingress: [ingress], egress: [egress] };
      expect(reach(clusterWith(spec))).toEqual({ from: who, to: who });
    });
  }

  it("what any rule of any policy allows", () => {
    const first = {
      podSelector: web,
      ingress: [{ from: [{ podSelector: api }] }, { from: [block("203.0.113.9/32")] }],
    };
    const second = { podSelector: {}, ingress: [{ from: [{ namespaceSelector: teamY }] }] };
    expect(reach(clusterWith(first, second)).from).toEqual(["a/api", ...ofB, "near"]);
  });

  it("the egress of one end and the ingress of the other, both", () => {
    const out = {
      podSelector: api,
      policyTypes: ["Egress"],
      egress: [{ to: [{ podSelector: { matchLabels: { app: "db" } } }] }],
    };
    const into = { podSelector: web, ingress: [{ from: [{ podSelector: {} }] }] };
    expect(reach(clusterWith(out, into)).from).toEqual(["a/db"]);
  });
});

describe("a port of a NetworkPolicy", () => {
  const all: Traffic[] = ["TCP 80", "TCP 81", "TCP 8080", "TCP 9000", "UDP 80", "UDP 8080", "SCTP 80"];
  const rows: { name: string; list: readonly object[] | undefined; allowed: Traffic[] }[] = [
    { name: "is any without a list", list: undefined, allowed: all },
    { name: "is any with an empty list", list: [], allowed: all },
    {
      name: "is any of TCP without port and protocol",
      list: [{}],
      allowed: ["TCP 80", "TCP 81", "TCP 8080", "TCP 9000"],
    },
    { name: "is any of a protocol without a port", list: [{ protocol: "UDP" }], allowed: ["UDP 80", "UDP 8080"] },
    { name: "is of TCP without a protocol", list: [{ port: 80 }], allowed: ["TCP 80"] },
    { name: "is of the protocol that it says", list: [{ port: 80, protocol: "SCTP" }], allowed: ["SCTP 80"] },
    { name: "reaches to endPort", list: [{ port: 80, endPort: 8080 }], allowed: ["TCP 80", "TCP 81", "TCP 8080"] },
    { name: "is itself alone where endPort is the same", list: [{ port: 81, endPort: 81 }], allowed: ["TCP 81"] },
    { name: "may be a name, of the protocol that it says", list: [{ port: "http" }], allowed: ["TCP 80"] },
    {
      name: "of the same name is another one by another protocol",
      list: [{ port: "http", protocol: "UDP" }],
      allowed: ["UDP 8080"],
    },
    { name: "may be a name that nobody has, and then is none", list: [{ port: "metrics" }], allowed: [] },
    {
      name: "is any of the list",
      list: [{ port: "admin" }, { port: 80, protocol: "UDP" }],
      allowed: ["TCP 9000", "UDP 80"],
    },
  ];
  for (const { name, list, allowed } of rows) {
    it(name, () => {
      const rule = { ...(list && { ports: list }) };
      const into = clusterWith({ podSelector: web, ingress: [rule] });
      expect(all.filter((traffic) => isAllowed(into, packet("b/api", "a/web", traffic)))).toEqual(allowed);
      // As egress a name is that of a port of whoever is asked.
      const out = clusterWith({ podSelector: web, policyTypes: ["Egress"], egress: [rule] });
      expect(all.filter((traffic) => isAllowed(out, packet("a/web", "b/web", traffic)))).toEqual(allowed);
    });
  }

  it("goes together with the peers of its rule alone", () => {
    const ingress = [{ from: [{ podSelector: api }], ports: [{ port: 80 }] }, { ports: [{ port: 81 }] }];
    const cluster = clusterWith({ podSelector: web, ingress });
    const asked = ["a/api", "b/api"].flatMap((from) =>
      (["TCP 80", "TCP 81"] as const).flatMap((traffic) =>
        isAllowed(cluster, packet(from, "a/web", traffic)) ? [`${from} ${traffic}`] : [],
      ),
    );
    expect(asked).toEqual(["a/api TCP 80", "a/api TCP 81", "b/api TCP 81"]);
  });
});

describe("what the API server refuses of a NetworkPolicy is refused", () => {
  const wrong: [string, object][] = [
    [
      "a peer that is both a network and a selector",
      { ingress: [{ from: [{ ipBlock: { cidr: "10.0.0.0/8" }, podSelector: {} }] }] },
    ],
    ["an endPort without a port", { ingress: [{ ports: [{ endPort: 90 }] }] }],
    ["an endPort before its port", { ingress: [{ ports: [{ port: 80, endPort: 79 }] }] }],
    ["an endPort behind a name", { ingress: [{ ports: [{ port: "http", endPort: 90 }] }] }],
    [
      "an exception that is no part of its network",
      { ingress: [{ from: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["192.0.2.0/24"] } }] }] },
    ],
    ["a protocol that has no ports", { ingress: [{ ports: [{ port: 1, protocol: "ICMP" }] }] }],
    ["a peer that says nothing", { ingress: [{ from: [{}] }] }],
  ];
  for (const [name, spec] of wrong) {
    it(name, () => expect(() => clusterWith({ podSelector: {}, ...spec })).toThrow(/path/));
  }
});
