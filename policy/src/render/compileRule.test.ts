import type { Rule } from "@brindle/api";
import type { Family } from "@brindle/net";
import { describe, expect, it } from "vitest";
import { compileRule } from "./compileRule.ts";
import { ruleText } from "./ruleArguments.ts";

/** Each alternative in iptables' words; the name of every set is SET. */
function texts(rule: Rule, family: Family = 4): string[] {
  return compileRule(rule, family, { namespace: "default", direction: "Ingress" }).alternatives.map((matches) => {
    const text = ruleText({ matches, target: { kind: "accept" }, comment: "" }, family, () => "SET");
    return text.slice(0, -"-j ACCEPT".length).trimEnd();
  });
}

const tcp = { action: "Allow", protocol: "TCP" } as const;
const manyPorts = Array.from({ length: 20 }, (_, index) => index + 1);

const rows: { name: string; rule: Rule; family?: Family; expected: string[] }[] = [
  { name: "a rule without conditions", rule: { action: "Allow" }, expected: [""] },
  { name: "a protocol", rule: tcp, expected: ["-p 6"] },
  { name: "a protocol that is not", rule: { action: "Allow", notProtocol: "UDP" }, expected: ["! -p 17"] },
  { name: "a protocol that says it all", rule: { ...tcp, notProtocol: "UDP" }, expected: ["-p 6"] },
  { name: "a protocol that contradicts itself", rule: { ...tcp, notProtocol: 6 }, expected: [] },
  { name: "the other family", rule: { action: "Allow", ipVersion: 6 }, expected: [] },
  { name: "ICMP of the other family", rule: { action: "Allow", protocol: "ICMPv6" }, expected: [] },
  {
    name: "ICMP with type and code",
    rule: { action: "Allow", protocol: "ICMP", icmp: { type: 3, code: 4 } },
    expected: ["-p 1 -m icmp --icmp-type 3/4"],
  },
  {
    name: "ICMPv6 with a type that is not",
    rule: { action: "Allow", protocol: "ICMPv6", notICMP: { type: 128 } },
    family: 6,
    expected: ["-p 58 -m icmp6 ! --icmpv6-type 128"],
  },
  {
    name: "one net and one that is not, for iptables has one -s a rule",
    rule: { action: "Allow", source: { nets: ["10.0.0.0/8"], notNets: ["10.1.0.0/16"] } },
    expected: ["-s 10.0.0.0/8 -m set ! --match-set SET src"],
  },
  {
    name: "nets of the other family",
    rule: { action: "Allow", source: { nets: ["10.0.0.0/8"] } },
    family: 6,
    expected: [],
  },
  {
    name: "several nets",
    rule: { action: "Allow", source: { nets: ["10.0.0.0/8", "11.0.0.0/8"] } },
    expected: ["-m set --match-set SET src"],
  },
  {
    name: "nets within others",
    rule: { action: "Allow", source: { nets: ["10.1.0.0/16", "10.0.0.0/8"] } },
    expected: ["-s 10.0.0.0/8"],
  },
  { name: "every address", rule: { action: "Allow", source: { nets: ["0.0.0.0/0", "10.0.0.0/8"] } }, expected: [""] },
  { name: "no address", rule: { action: "Allow", source: { notNets: ["0.0.0.0/0"] } }, expected: [] },
  {
    name: "a selector and one that is not",
    rule: { action: "Allow", destination: { selector: "a == 'b'", notSelector: "has(c)" } },
    expected: ["-m set ! --match-set SET dst -m set --match-set SET dst"],
  },
  {
    name: "ports of both sides",
    rule: { ...tcp, source: { ports: ["1000:2000"] }, destination: { ports: [80, "8000:8080"] } },
    expected: ["-p 6 -m multiport --sports 1000:2000 -m multiport --dports 80,8000:8080"],
  },
  {
    name: "more ports than a match takes",
    rule: { ...tcp, destination: { ports: manyPorts } },
    expected: [
      "-p 6 -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
      "-p 6 -m multiport --dports 16,17,18,19,20",
    ],
  },
  {
    name: "more excluded ports than a match takes, which all must hold",
    rule: { ...tcp, destination: { notPorts: manyPorts } },
    expected: [
      "-p 6 -m multiport ! --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15 -m multiport ! --dports 16,17,18,19,20",
    ],
  },
  {
    name: "numbers beside names",
    rule: { ...tcp, destination: { ports: [80, "http"] } },
    expected: ["-p 6 -m multiport --dports 80", "-p 6 -m set --match-set SET dst,dst"],
  },
  {
    name: "a name whose set stands for the selector as well",
    rule: { ...tcp, destination: { selector: "a == 'b'", ports: ["http"] } },
    expected: ["-p 6 -m set --match-set SET dst,dst"],
  },
];

describe("compileRule", () => {
  for (const { name, rule, family, expected } of rows) it(name, () => expect(texts(rule, family)).toEqual(expected));

  const growth = (rule: Rule): string[] =>
    compileRule(rule, 4, { namespace: null, direction: "Ingress" }).sets.map((use) => use.growth);
  const a = { selector: "a == 'b'" };
  const growths: { name: string; rule: Rule; expected: string[] }[] = [
    { name: "an allowed set loosens", rule: { action: "Allow", source: a }, expected: ["loosens"] },
    { name: "a denied set tightens", rule: { action: "Deny", source: a }, expected: ["tightens"] },
    {
      name: "an allowed rest tightens",
      rule: { action: "Allow", source: { notSelector: "x == 'y'" } },
      expected: ["tightens"],
    },
    {
      name: "a denied rest is mixed, as what it leaves out has to be allowed by another rule",
      rule: { action: "Deny", source: { notSelector: "x == 'y'" } },
      expected: ["mixed"],
    },
    { name: "passing on may do either", rule: { action: "Pass", source: a }, expected: ["mixed"] },
    {
      name: "a set for each end loosens",
      rule: { action: "Allow", source: a, destination: a },
      expected: ["loosens", "loosens"],
    },
    {
      name: "two sets that one end must be in are mixed",
      rule: { action: "Allow", source: { ...a, services: { name: "s", namespace: "n" } }, destination: a },
      expected: ["mixed", "mixed", "loosens"],
    },
  ];
  for (const { name, rule, expected } of growths) it(name, () => expect(growth(rule)).toEqual(expected));
});
