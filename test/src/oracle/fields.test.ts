/**
 * Each field of a rule and of a policy as an operator writes it: validated, given its defaults, and in the kernel. What is
 * allowed then is written down by hand, from Calico's and Kubernetes' documentation, for what random cases seldom come upon.
 */
import { validate } from "@brindle/api";
import { type Cluster, evaluate, type Packet, type Policy } from "@brindle/policy";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compare, parseClusterAddress } from "./oracle.ts";
import { PolicyNode } from "./policyNode.ts";
import { clusterWith, listenPorts, plainEndpoints } from "./randomCase.ts";

/** From p1 to p2, over both families where nothing else is said. */
const traffic: Readonly<Record<string, Partial<Packet>>> = {
  "tcp 80": { protocol: 6, sourcePort: 20_000, destinationPort: 80 },
  "tcp 8080": { protocol: 6, sourcePort: 30_000, destinationPort: 8080 },
  "udp 53": { protocol: 17, sourcePort: 20_000, destinationPort: 53 },
  "sctp 80": { protocol: 132, sourcePort: 20_000, destinationPort: 80 },
  "sctp 81": { protocol: 132, sourcePort: 20_000, destinationPort: 81 },
  echo: { protocol: 1, icmp: { type: 8, code: 0 } },
  253: { protocol: 253 },
};
const everything = Object.keys(traffic);
const allBut = (...names: string[]): string[] => everything.filter((name) => !names.includes(name));
const v4 = (...names: string[]): string[] => names.map((name) => `${name} v4`);
const v6 = (...names: string[]): string[] => names.map((name) => `${name} v6`);

interface Row {
  readonly says: string;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly allows: readonly string[];
}

const allow = (fields: object): Pick<Row, "spec"> => ({ spec: { ingress: [{ action: "Allow", ...fields }] } });
const to = (protocol: string | number, destination: object): Pick<Row, "spec"> => allow({ protocol, destination });

const rows: readonly Row[] = [
  { says: "a protocol by its number", ...allow({ protocol: 132 }), allows: ["sctp 80", "sctp 81"] },
  { says: "all ports", ...to("TCP", { ports: ["1:65535"] }), allows: ["tcp 80", "tcp 8080"] },
  { says: "not a network", ...allow({ source: { notNets: ["10.65.0.1/32"] } }), allows: v6(...everything) },
  { says: "ports of SCTP", ...to("SCTP", { ports: [80] }), allows: ["sctp 80"] },
  { says: "other ports of SCTP", ...to("SCTP", { notPorts: ["1:80"] }), allows: ["sctp 81"] },
  {
    says: "another protocol than one with ports",
    ...allow({ notProtocol: "SCTP" }),
    allows: allBut("sctp 80", "sctp 81"),
  },
  { says: "ports of a source", ...allow({ protocol: "TCP", source: { ports: [30_000] } }), allows: ["tcp 8080"] },
  {
    says: "a port's name, which brings its protocol",
    ...allow({ destination: { ports: ["web"] } }),
    allows: ["tcp 80"],
  },
  { says: "a port's name of another protocol", ...to("UDP", { ports: ["web"] }), allows: [] },
  { says: "a port but one with a name", ...to("TCP", { ports: [80, 8080], notPorts: ["web"] }), allows: ["tcp 8080"] },
  { says: "lists that are empty, as none", ...to("TCP", { ports: [], nets: [] }), allows: ["tcp 80", "tcp 8080"] },
  { says: "a family", ...allow({ ipVersion: 6, protocol: "TCP" }), allows: v6("tcp 80", "tcp 8080") },
  { says: "a network of one family", ...to("TCP", { nets: ["10.65.0.0/24"] }), allows: v4("tcp 80", "tcp 8080") },
  { says: "no network at all", ...to("SCTP", { notNets: ["0.0.0.0/0"] }), allows: v6("sctp 80", "sctp 81") },
  { says: "ICMP of a type and code", ...allow({ protocol: "ICMP", icmp: { type: 8, code: 0 } }), allows: v4("echo") },
  { says: "ICMP of another code", ...allow({ protocol: "ICMP", icmp: { type: 8, code: 1 } }), allows: [] },
  { says: "ICMPv6 but a type", ...allow({ protocol: "ICMPv6", notICMP: { type: 129 } }), allows: v6("echo") },
  { says: "everybody, by a selector", ...allow({ source: { selector: "all()" } }), allows: everything },
  { says: "nobody of other labels", ...allow({ source: { notSelector: "has(place)" } }), allows: [] },
  {
    says: "a selector, and not the other",
    ...allow({ source: { selector: "has(place)", notSelector: "place == 'p3'" } }),
    allows: everything,
  },
  { says: "what is in no namespace", ...allow({ source: { namespaceSelector: "global()" } }), allows: [] },
  { says: "any namespace", ...allow({ source: { namespaceSelector: "all()" } }), allows: everything },
  { says: "service accounts by name", ...allow({ source: { serviceAccounts: { names: ["nobody"] } } }), allows: [] },
  { says: "nothing, for what it is for", spec: {}, allows: [] },
  { says: "something of what its pods send alone", spec: { egress: [{ action: "Deny" }] }, allows: everything },
  {
    says: "that it is about what its pods send",
    spec: { types: ["Egress"], ingress: [{ action: "Deny" }] },
    allows: everything,
  },
  {
    says: "what to log, and goes on",
    spec: { ingress: [{ action: "Log" }, { action: "Allow", protocol: "SCTP" }] },
    allows: ["sctp 80", "sctp 81"],
  },
  {
    says: "what to hand on to the profiles, as there is no other tier",
    spec: { ingress: [{ action: "Pass", protocol: "SCTP" }, { action: "Deny" }] },
    allows: ["sctp 80", "sctp 81"],
  },
  { says: "a hint, which means nothing", spec: { performanceHints: ["AssumeNeededOnEveryNode"] }, allows: [] },
  { says: "whom it is for by labels that nobody has", spec: { selector: "place == 'nowhere'" }, allows: everything },
  {
    says: "whom it is for by a service account",
    spec: { serviceAccountSelector: "role == 'none'" },
    allows: everything,
  },
];

/** What Calico refuses, too. */
const refused: readonly (Pick<Row, "says" | "spec"> & { readonly reason: RegExp })[] = [
  {
    says: "a protocol in another case",
    ...allow({ protocol: "sctp" }),
    reason: /protocol.*is no protocol: TCP, UDP, /,
  },
  {
    says: "ports of a protocol without",
    ...to("ICMP", { ports: [80] }),
    reason: /ports.*need protocol TCP, UDP or SCTP/,
  },
  { says: "port 0", ...to("TCP", { ports: ["0:65535"] }), reason: /ports\[0\].*is no range of ports from 1 to 65535/ },
  {
    says: "networks of both families",
    ...allow({ source: { nets: ["10.0.0.0/8", "fd00::/8"] } }),
    reason: /is of IPv6/,
  },
  {
    says: "a network of another family",
    ...allow({ ipVersion: 6, source: { nets: ["10.0.0.0/8"] } }),
    reason: /is of IPv4/,
  },
  { says: "a network with host bits", ...allow({ source: { nets: ["10.65.0.99/24"] } }), reason: /has host bits set/ },
  { says: "ICMP types of no protocol", ...allow({ icmp: { type: 8 } }), reason: /icmp/ },
  { says: "HTTP", ...allow({ http: { methods: ["GET"] } }), reason: /http/ },
  { says: "a selector that is none", ...allow({ source: { selector: "a = 'b'" } }), reason: /source\.selector/ },
];

const ends = { v4: ["10.65.0.1", "10.65.0.2"], v6: ["fd65::1", "fd65::2"] } as const;

/** By `tcp 80 v4`. */
function probes(): Map<string, Packet> {
  const packets = new Map<string, Packet>();
  for (const [name, fields] of Object.entries(traffic)) {
    for (const [family, [source, destination]] of Object.entries(ends)) {
      const isEcho6 = name === "echo" && family === "v6";
      packets.set(`${name} ${family}`, {
        protocol: 0,
        source: parseClusterAddress(source),
        destination: parseClusterAddress(destination),
        ...fields,
        ...(isEcho6 && { protocol: 58, icmp: { type: 128, code: 0 } }),
      });
    }
  }
  return packets;
}

/** As `brindlectl apply` takes it. */
function applied(spec: Row["spec"]): ReturnType<typeof validate> {
  return validate({
    apiVersion: "projectcalico.org/v3",
    kind: "NetworkPolicy",
    metadata: { name: "written", namespace: "ns1" },
    spec: { selector: "place == 'p2'", ...spec },
  });
}

/** `web` is the port 80 of each pod. */
function clusterOf(spec: Row["spec"]): Cluster {
  const validation = applied(spec);
  if (validation.kind === "invalid") expect.fail(JSON.stringify(validation.problems));
  const base = clusterWith([]);
  const ports = [{ name: "web", protocol: "TCP", port: 80 }];
  return {
    ...base,
    policies: [validation.resource as Policy],
    endpoints: base.endpoints.map((endpoint) => ({ ...endpoint, spec: { ...endpoint.spec, ports } })),
  };
}

describe.each(["nft", "legacy"] as const)("a policy says, backend %s,", (backend) => {
  let node: PolicyNode;
  beforeAll(async () => {
    node = await PolicyNode.create({ endpoints: plainEndpoints(), ports: listenPorts, backend });
  });
  afterAll(() => node?.[Symbol.asyncDispose]());

  it.each(rows)("$says", async ({ spec, allows }) => {
    const cluster = clusterOf(spec);
    const packets = probes();
    const expected = [...packets.keys()].filter((name) => allows.includes(name) || allows.includes(name.slice(0, -3)));
    const meant = [...packets].filter(([, packet]) => evaluate(cluster, packet).verdict === "allow");
    expect(meant.map(([name]) => name)).toEqual(expected);
    const { mismatches } = await compare(node, cluster, [...packets.values()]);
    const wrong = [...packets].filter(([, packet]) => mismatches.some((one) => one.packet === packet));
    expect(wrong.map(([name]) => name)).toEqual([]);
  });
});

describe("a policy may not say", () => {
  it.each(refused)("$says", ({ spec, reason }) => {
    const validation = applied(spec);
    expect(validation.kind === "invalid" ? JSON.stringify(validation.problems) : "valid").toMatch(reason);
  });
});
