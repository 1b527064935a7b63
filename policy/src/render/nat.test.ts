import assert from "node:assert/strict";
import { apiVersion, type IPPool } from "@brindle/api";
import { type Family, parseAddress } from "@brindle/net";
import { describe, it } from "vitest";
import { type FloatingAddress, renderNat } from "./nat.ts";
import { ruleText } from "./ruleArguments.ts";

const pool: IPPool = {
  apiVersion,
  kind: "IPPool",
  metadata: { name: "pool" },
  spec: { cidr: "10.65.0.0/16", natOutgoing: true },
};

function floating(...pairs: readonly (readonly [string, string])[]): FloatingAddress[] {
  return pairs.map(([address, to]) => {
    const [from, own] = [parseAddress(address), parseAddress(to)];
    assert(from && own);
    return { floating: from, own };
  });
}

/** Chains with their rules, and hooks, without comments. */
function lines(family: Family, pools: readonly IPPool[], all: readonly FloatingAddress[]): string[] {
  const { content } = renderNat({ family, pools, floating: all });
  const words = (rule: Parameters<typeof ruleText>[0]): string => ruleText(rule, family, () => "set");
  return [
    ...content.chains.flatMap(({ name, rules }) => rules.map((rule) => `${name} ${words(rule)}`)),
    ...content.hooks.map(({ chain, place, rule }) => `${chain} ${place} ${words(rule)}`),
  ];
}

const hooks = [
  "PREROUTING first -j BRDL-FLOATING",
  "OUTPUT first -j BRDL-FLOATING",
  "POSTROUTING first -j BRDL-POSTROUTING",
];
const masquerading = "BRDL-POSTROUTING -m set --match-set set src -m set ! --match-set set dst -j MASQUERADE";

describe("the table nat", () => {
  const two = floating(["192.0.2.10", "10.65.0.3"], ["192.0.2.9", "10.65.0.3"], ["2001:db8::9", "fd65::3"]);
  const cases: { name: string; family?: Family; pools?: IPPool[]; of: FloatingAddress[]; has: string[] }[] = [
    { name: "is empty where nothing is translated", of: [], has: [] },
    { name: "masquerades alone", pools: [pool], of: [], has: [masquerading, "POSTROUTING first -j BRDL-POSTROUTING"] },
    {
      name: "leads floating addresses to the pod's own, and has it speak to itself by the lowest, before it masquerades",
      pools: [pool],
      of: two,
      has: [
        "BRDL-FLOATING -d 192.0.2.9/32 -j DNAT --to-destination 10.65.0.3",
        "BRDL-FLOATING -d 192.0.2.10/32 -j DNAT --to-destination 10.65.0.3",
        "BRDL-FLOATING -j RETURN",
        "BRDL-POSTROUTING -s 10.65.0.3/32 -d 10.65.0.3/32 -j SNAT --to-source 192.0.2.9",
        masquerading,
        ...hooks,
      ],
    },
    {
      name: "has those of its family",
      family: 6,
      of: two,
      has: [
        "BRDL-FLOATING -d 2001:db8::9/128 -j DNAT --to-destination fd65::3",
        "BRDL-FLOATING -j RETURN",
        "BRDL-POSTROUTING -s fd65::3/128 -d fd65::3/128 -j SNAT --to-source 2001:db8::9",
        ...hooks,
      ],
    },
  ];
  for (const { name, family = 4, pools = [], of, has } of cases) {
    it(name, () => {
      assert.deepEqual(lines(family, pools, of), has);
      assert.deepEqual(lines(family, pools, of.toReversed()), has);
    });
  }

  it("keeps a rule one object as long as it says the same", () => {
    const [first, again] = [two, two.slice(0, 2)].map((all) => renderNat({ family: 4, pools: [], floating: all }));
    assert.equal(first?.content.chains[0]?.rules[0], again?.content.chains[0]?.rules[0]);
  });
});
