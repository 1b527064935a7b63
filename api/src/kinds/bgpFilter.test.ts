import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { type AcceptedCase, documentOf, problemsOf, type RefusedCase, storedTextOf, warningsOf } from "./testing.ts";

const accept = { action: "Accept" };
const v4 = (rule: object) => ({ importV4: [rule] });
const at = "spec.importV4[0]";
const whole = (name: string, max: number) => `${at}.${name} is no whole number from 0 to ${max}`;

const refused: RefusedCase[] = [
  { name: "a rule without an action", spec: v4({}), problems: [`${at}.action: is missing`] },
  {
    name: "an action that is none",
    spec: v4({ action: "Drop" }),
    problems: [`${at}.action: "Drop" is none of Accept, Reject`],
  },
  {
    name: "a network without an operator",
    spec: v4({ ...accept, cidr: "10.0.0.0/8" }),
    problems: [`${at}.matchOperator: is needed beside cidr: Equal, NotEqual, In or NotIn`],
  },
  {
    name: "an operator without a network",
    spec: v4({ ...accept, matchOperator: "In" }),
    problems: [`${at}.cidr: is needed beside matchOperator`],
  },
  {
    name: "lengths without a network",
    spec: v4({ ...accept, prefixLength: { min: 8 } }),
    problems: [`${at}.prefixLength: needs a cidr beside it`],
  },
  {
    name: "a length that IPv4 has not",
    spec: v4({ ...accept, cidr: "10.0.0.0/8", matchOperator: "In", prefixLength: { max: 33 } }),
    problems: [whole('prefixLength.max: "33"', 32)],
  },
  {
    name: "a network of the other family",
    spec: v4({ ...accept, cidr: "fd00::/64", matchOperator: "In" }),
    problems: [`${at}.cidr: "fd00::/64" is of IPv6 in a rule for IPv4`],
  },
  {
    name: "host bits",
    spec: v4({ ...accept, cidr: "10.0.0.1/8", matchOperator: "In" }),
    problems: [`${at}.cidr: "10.0.0.1/8" has host bits set; write the network's first address`],
  },
  {
    name: "an interface with a space",
    spec: v4({ ...accept, interface: "eth 0" }),
    problems: [
      `${at}.interface: "eth 0" is no interface: at most 15 letters, digits, "_", ".", "-", and "*" for any of them`,
    ],
  },
  {
    name: "a source that is none",
    spec: v4({ ...accept, source: "Me" }),
    problems: [`${at}.source: "Me" is not RemotePeers`],
  },
  {
    name: "a type of peers that is none",
    spec: v4({ ...accept, peerType: "ebgp" }),
    problems: [`${at}.peerType: "ebgp" is none of eBGP, iBGP; did you mean eBGP?`],
  },
  {
    name: "two communities in one rule",
    spec: v4({ ...accept, communities: { values: ["1:2", "1:3"] } }),
    problems: [`${at}.communities.values: has 2 entries, at most 1 are allowed`],
  },
  ...["1", "1:65536", "01:2", "1:2:4294967296", "1:2:3:4", "a:b"].map((value) => ({
    name: `${value} for a community`,
    spec: v4({ ...accept, communities: { values: [value] } }),
    problems: [
      `${at}.communities.values[0]: "${value}" is no community: aa:nn of two numbers up to 65535, or aa:nn:mm of three up to 4294967295`,
    ],
  })),
  {
    name: "a priority of zero",
    spec: v4({ ...accept, priority: 0 }),
    problems: [`${at}.priority: "0" is no whole number from 1 to 2147483646`],
  },
  {
    name: "operations on what is rejected",
    spec: v4({ action: "Reject", operations: [{ setPriority: { value: 1 } }] }),
    problems: [`${at}.operations: go only with action Accept`],
  },
  {
    name: "an operation that does nothing",
    spec: v4({ ...accept, operations: [{}] }),
    problems: [
      `${at}.operations[0]: does nothing: exactly one of addCommunity, prependASPath and setPriority is needed`,
    ],
  },
  {
    name: "two operations in one",
    spec: v4({ ...accept, operations: [{ setPriority: { value: 1 }, addCommunity: { value: "1:2" } }] }),
    problems: [`${at}.operations[0]: does 2: exactly one of addCommunity, prependASPath and setPriority is needed`],
  },
  {
    name: "eleven operations",
    spec: v4({ ...accept, operations: Array.from({ length: 11 }, () => ({ setPriority: { value: 1 } })) }),
    problems: [`${at}.operations: has 11 entries, at most 10 are allowed`],
  },
  {
    name: "a path that is made longer by nothing",
    spec: v4({ ...accept, operations: [{ prependASPath: { prefix: [] } }] }),
    problems: [`${at}.operations[0].prependASPath.prefix: has 0 entries, at least 1 are needed`],
  },
];

const accepted: AcceptedCase[] = [
  { name: "no rules", spec: {} },
  {
    name: "all that a rule can say",
    spec: {
      exportV6: [
        {
          cidr: "fd00::/8",
          prefixLength: { min: 48, max: 128 },
          source: "RemotePeers",
          interface: "*.calico",
          matchOperator: "NotIn",
          peerType: "iBGP",
          communities: { values: ["64512:300:100"] },
          asPathPrefix: [64512, 4200000000],
          priority: 1024,
          action: "Accept",
          operations: [
            { addCommunity: { value: "65535:0" } },
            { prependASPath: { prefix: [64512] } },
            { setPriority: { value: 2147483646 } },
          ],
        },
      ],
    },
  },
];

describe("a BGPFilter", () => {
  for (const { name, spec, problems } of refused) {
    it(`is refused with ${name}`, () => assert.deepEqual(problemsOf(documentOf("BGPFilter", spec)), problems));
  }
  for (const { name, spec } of accepted) {
    it(`is accepted with ${name}`, () => assert.deepEqual(problemsOf(documentOf("BGPFilter", spec)), []));
  }

  it("is stored with its members in the order of Calico's", () => {
    const rule = { action: "Reject", matchOperator: "In", prefixLength: { max: 32, min: 9 }, cidr: "10.0.0.0/8" };
    const text = storedTextOf(documentOf("BGPFilter", { exportV6: [], importV4: [rule] }));
    assert.match(
      text,
      /"spec":\{"importV4":\[\{"cidr":"10\.0\.0\.0\/8","prefixLength":\{"min":9,"max":32\},"matchOperator":"In","action":"Reject"\}\],"exportV6":\[\]\}\}$/,
    );
  });

  it("warns of interfaces, which are not acted on", () => {
    const [warning] = warningsOf(documentOf("BGPFilter", v4({ ...accept, interface: "eth0" })));
    assert.deepEqual([warning?.effect, warning?.path], ["withheld", `${at}.interface`]);
    assert.match(warning?.reason ?? "", /sessions of peers that name the filter exchange no routes/);
  });

  it("warns of nothing else", () => {
    assert.deepEqual(warningsOf(documentOf("BGPFilter", v4({ ...accept, source: "RemotePeers" }))), []);
  });
});
