import { describe, expect, it } from "vitest";
import { checkFilters } from "./check.ts";
import type { FilterRule } from "./rule.ts";

const accept = { action: "Accept" } as const;

const refused: { name: string; rule: FilterRule; field: string; reason: RegExp }[] = [
  {
    name: "a network without an operator",
    rule: { ...accept, cidr: "10.0.0.0/8" },
    field: "matchOperator",
    reason: /is needed/,
  },
  {
    name: "an operator without a network",
    rule: { ...accept, matchOperator: "In" },
    field: "cidr",
    reason: /is needed/,
  },
  {
    name: "lengths without a network",
    rule: { ...accept, prefixLength: { min: 8 } },
    field: "prefixLength",
    reason: /needs a cidr/,
  },
  {
    name: "host bits",
    rule: { ...accept, cidr: "10.0.0.1/8", matchOperator: "In" },
    field: "cidr",
    reason: /without host bits/,
  },
  {
    name: "the other family",
    rule: { ...accept, cidr: "fd00::/8", matchOperator: "In" },
    field: "cidr",
    reason: /of IPv6 in a rule for IPv4/,
  },
  {
    name: "a length that the family has not",
    rule: { ...accept, cidr: "10.0.0.0/8", matchOperator: "In", prefixLength: { max: 33 } },
    field: "prefixLength.max",
    reason: /from 0 to 32/,
  },
  {
    name: "an interface with a space",
    rule: { ...accept, interface: "eth 0" },
    field: "interface",
    reason: /no interface/,
  },
  {
    name: "a community that is none",
    rule: { ...accept, communities: { values: ["1:65536"] } },
    field: "communities.values[0]",
    reason: /no community/,
  },
  { name: "a priority of zero", rule: { ...accept, priority: 0 }, field: "priority", reason: /from 1 to 2147483646/ },
  {
    name: "operations on what is rejected",
    rule: { action: "Reject", operations: [{ setMED: { value: 1 } }] },
    field: "operations",
    reason: /only with action Accept/,
  },
  {
    name: "an operation that does nothing",
    rule: { ...accept, operations: [{}] },
    field: "operations[0]",
    reason: /nothing/,
  },
  {
    name: "two operations in one",
    rule: { ...accept, operations: [{ setMED: { value: 1 }, setPriority: { value: 1 } }] },
    field: "operations[0]",
    reason: /does 2/,
  },
  {
    name: "a path that is made longer by nothing",
    rule: { ...accept, operations: [{ prependASPath: { prefix: [] } }] },
    field: "operations[0].prependASPath.prefix",
    reason: /0 entries/,
  },
  {
    name: "a MED of 33 bits",
    rule: { ...accept, operations: [{ setMED: { value: 2 ** 32 } }] },
    field: "operations[0].setMED.value",
    reason: /from 0 to 4294967295/,
  },
  {
    name: "a pattern that is none",
    rule: { ...accept, operations: [{ removeCommunity: { value: "64512:1*" } }] },
    field: "operations[0].removeCommunity.value",
    reason: /no community/,
  },
];

describe("checkFilters", () => {
  for (const { name, rule, field, reason } of refused) {
    it(`refuses ${name}, by its field`, () => {
      const found: [string, string][] = [];
      checkFilters("f", [{ name: "test", rules: { 4: [rule] } }], (...fault) => found.push(fault));
      expect(found).toEqual([[`f[0].rules[4][0].${field}`, expect.stringMatching(reason)]]);
    });
  }

  it("takes all that a rule can say", () => {
    const rule: FilterRule = {
      cidr: "fd00::/8",
      matchOperator: "NotIn",
      prefixLength: { min: 48, max: 128 },
      source: "RemotePeers",
      interface: "*.calico",
      peerType: "iBGP",
      communities: { values: ["64512:300:100"] },
      asPathPrefix: [64512, 4200000000],
      priority: 1024,
      action: "Accept",
      operations: [
        { addCommunity: { value: "65535:0" } },
        { prependASPath: { prefix: [64512] } },
        { setPriority: { value: 2147483646 } },
        { removeCommunity: { value: "64512:*" } },
        { setCommunities: { values: ["no-export"] } },
        { setMED: { value: 0 } },
        { setLocalPreference: { value: 0 } },
        { setNextHop: { value: "Keep" } },
      ],
    };
    const found: unknown[] = [];
    checkFilters("f", [{ name: "test", rules: { 6: [rule] } }], (...fault) => found.push(fault));
    expect(found).toEqual([]);
  });
});
