import { describe, expect, it } from "vitest";
import { PrefixTable } from "../rib/prefixTable.ts";
import type { PathAttributes } from "../wire/message.ts";
import { packed } from "../wire/testing.ts";
import { formatAsPath } from "../wire/text.ts";
import { CompiledFilters, deciding, type RouteFacts } from "./compile.ts";
import type { FilterOperation, FilterRule, RouteFilter } from "./rule.ts";

const learned: RouteFacts = { isOwn: false, interface: "eth0" };
const bare: PathAttributes = { origin: "igp", asPath: [{ type: "sequence", asns: [64601, 64602] }] };
const rich: PathAttributes = {
  ...bare,
  localPref: 2 ** 31 - 1 - 512,
  communities: [0xfc000064],
  largeCommunities: [[64512, 1, 2]],
};

function filter(...rules: FilterRule[]): RouteFilter {
  return { name: "test", rules: { 4: rules, 6: rules } };
}

interface Asked {
  readonly prefix?: string;
  readonly attributes?: PathAttributes;
  readonly facts?: Partial<RouteFacts>;
  readonly external?: boolean;
}

/** `null` where no rule matches. */
function decide(filters: readonly RouteFilter[], asked: Asked) {
  const { prefix = "10.1.2.0/24", attributes = bare, facts = {}, external = true } = asked;
  const prefixes = new PrefixTable();
  const id = prefixes.intern(packed(prefix), 0);
  const candidates = new CompiledFilters(filters, { external }).candidates(attributes, { ...learned, ...facts });
  return deciding(candidates, prefixes, id);
}

const matching: { name: string; rule: Omit<FilterRule, "action">; asked?: Asked; matches: boolean }[] = [
  { name: "nothing: every route", rule: {}, matches: true },
  { name: "Equal to the network", rule: { cidr: "10.1.2.0/24", matchOperator: "Equal" }, matches: true },
  { name: "Equal to one around it", rule: { cidr: "10.1.0.0/16", matchOperator: "Equal" }, matches: false },
  { name: "Equal to one inside it", rule: { cidr: "10.1.2.0/25", matchOperator: "Equal" }, matches: false },
  { name: "NotEqual to the network", rule: { cidr: "10.1.2.0/24", matchOperator: "NotEqual" }, matches: false },
  { name: "NotEqual to one around it", rule: { cidr: "10.1.0.0/16", matchOperator: "NotEqual" }, matches: true },
  { name: "In itself", rule: { cidr: "10.1.2.0/24", matchOperator: "In" }, matches: true },
  { name: "In one around it", rule: { cidr: "10.0.0.0/8", matchOperator: "In" }, matches: true },
  { name: "In all there is", rule: { cidr: "0.0.0.0/0", matchOperator: "In" }, matches: true },
  { name: "In a narrower one", rule: { cidr: "10.1.2.0/25", matchOperator: "In" }, matches: false },
  { name: "NotIn one around it", rule: { cidr: "10.0.0.0/8", matchOperator: "NotIn" }, matches: false },
  { name: "NotIn another", rule: { cidr: "11.0.0.0/8", matchOperator: "NotIn" }, matches: true },
  {
    name: "In with lengths that take it",
    rule: { cidr: "10.0.0.0/8", matchOperator: "In", prefixLength: { min: 24, max: 24 } },
    matches: true,
  },
  {
    name: "In with lengths above its own",
    rule: { cidr: "10.0.0.0/8", matchOperator: "In", prefixLength: { min: 25 } },
    matches: false,
  },
  {
    name: "In with lengths below its own",
    rule: { cidr: "10.0.0.0/8", matchOperator: "In", prefixLength: { max: 23 } },
    matches: false,
  },
  {
    name: "NotIn with lengths that leave it out",
    rule: { cidr: "10.0.0.0/8", matchOperator: "NotIn", prefixLength: { max: 23 } },
    matches: true,
  },
  {
    name: "In, across a word of IPv6",
    rule: { cidr: "2001:db8:4::/47", matchOperator: "In" },
    asked: { prefix: "2001:db8:1:2::/64" },
    matches: false,
  },
  {
    name: "In, below a word of IPv6",
    rule: { cidr: "2001:db8::/47", matchOperator: "In" },
    asked: { prefix: "2001:db8:1:2::/64" },
    matches: true,
  },
  { name: "RemotePeers of what was learned", rule: { source: "RemotePeers" }, matches: true },
  {
    name: "RemotePeers of our own",
    rule: { source: "RemotePeers" },
    asked: { facts: { isOwn: true } },
    matches: false,
  },
  { name: "the interface", rule: { interface: "eth*" }, matches: true },
  { name: "another interface", rule: { interface: "*.calico" }, matches: false },
  { name: "a dot for a letter", rule: { interface: "eth." }, matches: false },
  {
    name: "an interface that nobody told",
    rule: { interface: "*" },
    asked: { facts: { interface: null } },
    matches: false,
  },
  { name: "eBGP of a peer outside", rule: { peerType: "eBGP" }, matches: true },
  { name: "iBGP of a peer outside", rule: { peerType: "iBGP" }, matches: false },
  { name: "iBGP of a peer inside", rule: { peerType: "iBGP" }, asked: { external: false }, matches: true },
  { name: "a community", rule: { communities: { values: ["64512:100"] } }, asked: { attributes: rich }, matches: true },
  { name: "a community it lacks", rule: { communities: { values: ["64512:100"] } }, matches: false },
  {
    name: "one of two communities it lacks",
    rule: { communities: { values: ["64512:100", "64512:101"] } },
    asked: { attributes: rich },
    matches: false,
  },
  {
    name: "a large community",
    rule: { communities: { values: ["64512:1:2"] } },
    asked: { attributes: rich },
    matches: true,
  },
  { name: "the path's beginning", rule: { asPathPrefix: [64601] }, matches: true },
  { name: "the whole path", rule: { asPathPrefix: [64601, 64602] }, matches: true },
  { name: "more than the path", rule: { asPathPrefix: [64601, 64602, 64603] }, matches: false },
  { name: "the path's end", rule: { asPathPrefix: [64602] }, matches: false },
  { name: "a priority", rule: { priority: 512 }, asked: { attributes: rich }, matches: true },
  { name: "the priority of what has none", rule: { priority: 1024 }, matches: true },
  {
    name: "a network and a path of which one fails",
    rule: { cidr: "10.0.0.0/8", matchOperator: "In", asPathPrefix: [64602] },
    matches: false,
  },
];

describe("a rule that asks for", () => {
  for (const { name, rule, asked = {}, matches } of matching) {
    it(`${name} ${matches ? "matches" : "does not match"}`, () => {
      expect(decide([filter({ ...rule, action: "Accept" })], asked) !== null).toBe(matches);
    });
  }
});

describe("filters", () => {
  const reject: FilterRule = { action: "Reject" };
  const none: FilterRule = { cidr: "192.0.2.0/24", matchOperator: "In", action: "Accept" };

  it("are asked in order, and name the filter and the rule that decided", () => {
    const rule = decide([filter(none), { name: "second", rules: { 4: [none, reject, { action: "Accept" }] } }], {});
    expect(rule).toMatchObject({ filter: "second", place: 2, accepts: false });
  });

  it("keep the place of a rule behind one for peers of the other kind", () => {
    expect(decide([filter({ peerType: "iBGP", action: "Accept" }, reject)], {})).toMatchObject({ place: 2 });
  });

  it("leave to the policy what no rule matches, and all of the family that has none", () => {
    expect(decide([filter(none)], {})).toBeNull();
    expect(decide([{ name: "v4", rules: { 4: [reject] } }], { prefix: "2001:db8::/32" })).toBeNull();
  });
});

const operations: { name: string; does: FilterOperation[]; to?: PathAttributes; gives: object }[] = [
  { name: "adds a community", does: [{ addCommunity: { value: "no-export" } }], gives: { communities: [0xffffff01] } },
  {
    name: "adds none twice",
    does: [{ addCommunity: { value: "64512:100" } }],
    to: rich,
    gives: { communities: [0xfc000064] },
  },
  {
    name: "adds a large community",
    does: [{ addCommunity: { value: "1:2:3" } }],
    gives: { largeCommunities: [[1, 2, 3]] },
  },
  {
    name: "removes a community, and the attribute with the last",
    does: [{ removeCommunity: { value: "64512:100" } }],
    to: rich,
    gives: { communities: null, largeCommunities: [[64512, 1, 2]] },
  },
  {
    name: "removes what begins with a number",
    does: [{ removeCommunity: { value: "64512:*" } }],
    to: { ...rich, communities: [0xfc000064, 0xfc010064] },
    gives: { communities: [0xfc010064], largeCommunities: [[64512, 1, 2]] },
  },
  {
    name: "removes large ones by pattern",
    does: [{ removeCommunity: { value: "64512:*:2" } }],
    to: rich,
    gives: { communities: [0xfc000064], largeCommunities: null },
  },
  {
    name: "removes all",
    does: [{ removeCommunity: { value: "*" } }],
    to: rich,
    gives: { communities: null, largeCommunities: null },
  },
  {
    name: "sets communities in place of all",
    does: [{ setCommunities: { values: ["1:1", "1:1:1"] } }],
    to: rich,
    gives: { communities: [0x10001], largeCommunities: [[1, 1, 1]] },
  },
  {
    name: "sets communities in place of the well-known ones too (RFC 8642)",
    does: [{ setCommunities: { values: ["1:1"] } }],
    to: { ...bare, communities: [0xffff0000, 0xffff029a, 0xffffff01, 0xffffff02, 0xffffff03, 0xffffff04] },
    gives: { communities: [0x10001] },
  },
  {
    name: "sets a priority as Calico carries it",
    does: [{ setPriority: { value: 1 } }],
    gives: { localPref: 2147483646 },
  },
  { name: "sets MED", does: [{ setMED: { value: 7 } }], gives: { med: 7 } },
  { name: "sets local preference", does: [{ setLocalPreference: { value: 7 } }], gives: { localPref: 7 } },
  {
    name: "does one after the other",
    does: [{ setMED: { value: 7 } }, { setCommunities: { values: [] } }, { addCommunity: { value: "1:1" } }],
    to: rich,
    gives: { med: 7, communities: [0x10001] },
  },
];

describe("an operation", () => {
  for (const { name, does, to = bare, gives } of operations) {
    it(name, () => {
      const rule = decide([filter({ action: "Accept", operations: does })], { attributes: to });
      expect({ communities: null, largeCommunities: null, ...rule?.transform?.(to) }).toMatchObject(gives);
    });
  }

  it("prepends to the path, the first AS first", () => {
    const rule = decide([filter({ action: "Accept", operations: [{ prependASPath: { prefix: [1, 2] } }] })], {});
    expect(formatAsPath(rule?.transform?.(bare).asPath ?? [])).toBe("1 2 64601 64602");
  });

  it("does not make one segment of more than 255 ASes", () => {
    const long: PathAttributes = { ...bare, asPath: [{ type: "sequence", asns: Array<number>(255).fill(9) }] };
    const rule = decide([filter({ action: "Accept", operations: [{ prependASPath: { prefix: [1] } }] })], {});
    expect(rule?.transform?.(long).asPath.map(({ asns }) => asns.length)).toEqual([1, 255]);
  });
});
