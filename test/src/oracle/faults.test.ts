/** The comparison notices faults: each is put into what the graph renders, and must come out as a mismatch. */
import type { PolicySpec, Rule } from "@brindle/api";
import type { ChainRule, Desired, Match } from "@brindle/policy";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compare, packetOf } from "./oracle.ts";
import { PolicyNode } from "./policyNode.ts";
import type { ProbeOrder } from "./probe.ts";
import { clusterWith, listenPorts, plainEndpoints } from "./randomCase.ts";

interface Fault {
  readonly name: string;
  /** The only rules for the ingress of p2. */
  readonly rules: readonly Rule[];
  /** But for those of a tier that is asked before. */
  readonly administrators?: readonly Rule[];
  readonly spoil: (rule: ChainRule) => ChainRule | null;
}

const allow: Rule = { action: "Allow" };
const toPort = (...ports: (number | string)[]): Rule => ({ action: "Allow", protocol: "TCP", destination: { ports } });

const faults: readonly Fault[] = [
  {
    name: "a negation dropped",
    rules: [{ action: "Allow", source: { notNets: ["10.65.0.1/32", "fd65::1/128"] } }],
    spoil: (rule) => withMatches(rule, (match) => ("negated" in match ? { ...match, negated: false } : match)),
  },
  {
    name: "source and destination swapped",
    rules: [{ action: "Allow", source: { nets: ["10.65.0.1/32", "fd65::1/128"] } }],
    spoil: (rule) =>
      withMatches(rule, (match) =>
        match.kind === "net" ? { ...match, side: match.side === "source" ? "destination" : "source" } : match,
      ),
  },
  {
    name: "a port range one too long",
    rules: [toPort("54:80")],
    spoil: (rule) =>
      withMatches(rule, (match) =>
        match.kind === "ports"
          ? { ...match, ranges: match.ranges.map(({ first, last }) => ({ first, last: last + 1 })) }
          : match,
      ),
  },
  {
    name: "a denying rule left out",
    rules: [{ action: "Deny", protocol: "TCP", destination: { ports: [80] } }, allow],
    spoil: (rule) => (rule.comment.includes("NetworkPolicy") && isDenial(rule) ? null : rule),
  },
  {
    name: "the drop at the end of the policies left out",
    rules: [toPort(80)],
    spoil: (rule) => (rule.comment === "no policy allows it" ? null : rule),
  },
  {
    name: "a rule that passes on left out",
    rules: [{ action: "Pass", protocol: "UDP" }, { action: "Deny" }],
    spoil: (rule) => (rule.target.kind === "goto" && !isDenial(rule) ? null : rule),
  },
  {
    name: "a tier that is skipped, as the one before passed on",
    administrators: [{ action: "Pass" }],
    rules: [toPort(80)],
    spoil: (rule) => (rule.target.kind === "clearMark" ? null : rule),
  },
  {
    name: "a tier that denies where it should pass on",
    administrators: [{ action: "Deny", protocol: "UDP" }],
    rules: [allow],
    spoil: (rule) => (rule.target.kind === "clearMark" ? { ...rule, target: { kind: "drop" } } : rule),
  },
  {
    name: "the protocol of a rule left out",
    rules: [{ action: "Allow", protocol: "UDP" }],
    spoil: (rule) => ({ ...rule, matches: rule.matches.filter(({ kind }) => kind !== "protocol") }),
  },
  {
    name: "an ICMP rule for every type",
    rules: [{ action: "Allow", protocol: "ICMP", icmp: { type: 13 } }],
    spoil: (rule) => ({ ...rule, matches: rule.matches.filter(({ kind }) => kind !== "icmp") }),
  },
  {
    name: "an allowing rule that drops",
    rules: [toPort(80)],
    spoil: (rule) => ({ ...rule, target: { kind: "drop" } }),
  },
];

function isDenial({ target }: ChainRule): boolean {
  return target.kind === "goto" && target.chain === "BRDL-DENIED";
}

function withMatches(rule: ChainRule, change: (match: Match) => Match): ChainRule {
  return { ...rule, matches: rule.matches.map(change) };
}

/** What stands around policies has matches of the same kinds, and is not meant. */
function isOfPolicy(rule: ChainRule): boolean {
  return rule.comment.includes("NetworkPolicy") || ["no policy allows it", "tier default"].includes(rule.comment);
}

function spoiled(desired: Desired, spoil: Fault["spoil"]): Desired {
  const tables = desired.tables.map((table) => ({
    ...table,
    content: {
      ...table.content,
      chains: table.content.chains.map(({ name, rules }) => ({
        name,
        rules: rules.flatMap((rule) => (isOfPolicy(rule) ? (spoil(rule) ?? []) : rule)),
      })),
    },
  }));
  return { ...desired, tables };
}

/** Everything that the rules speak of, from p1 to p2. */
function probes(round: number): ProbeOrder[] {
  const ends = [
    ["10.65.0.1", "10.65.0.2"],
    ["fd65::1", "fd65::2"],
    ["10.65.0.3", "10.65.0.2"],
    ["fd65::3", "fd65::2"],
  ];
  return ends.flatMap(([source = "", destination = ""], index) => [
    ...(["tcp", "udp"] as const).flatMap((protocol) =>
      [80, 81, 53].map((destinationPort): ProbeOrder => {
        const sourcePort = 20_000 + round * 500 + index * 100 + destinationPort;
        return {
          id: `${protocol}${destinationPort}${source}`,
          protocol,
          source,
          sourcePort,
          destination,
          destinationPort,
        };
      }),
    ),
    { id: `echo${source}`, protocol: "echo", source, sourcePort: 0, destination, destinationPort: 0 },
  ]);
}

describe("the comparison", () => {
  let node: PolicyNode;
  let round = 0;
  beforeAll(async () => {
    node = await PolicyNode.create({ endpoints: plainEndpoints(), ports: listenPorts });
  });
  afterAll(() => node?.[Symbol.asyncDispose]());

  for (const { name, administrators, rules, spoil } of faults) {
    it(`finds ${name}`, async () => {
      const ofP2: PolicySpec = { types: ["Ingress"], selector: "place == 'p2'" };
      const before = administrators ? [{ ...ofP2, tier: "kube-admin", ingress: administrators }] : [];
      const cluster = clusterWith([...before, { ...ofP2, ingress: rules }]);
      const right = await compare(node, cluster, probes(round++).map(packetOf));
      expect(right.mismatches).toEqual([]);
      const wrong = await compare(node, cluster, probes(round++).map(packetOf), (desired) => spoiled(desired, spoil));
      expect(wrong.mismatches).not.toEqual([]);
    });
  }
});
