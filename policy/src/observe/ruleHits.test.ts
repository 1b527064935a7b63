import type { Rule } from "@brindle/api";
import { describe, expect, it } from "vitest";
import type { Chain } from "../render/ir.ts";
import { compileOwner } from "../render/owner.ts";
import { RuleHits } from "./ruleHits.ts";
import { ruleNameOf } from "./ruleName.ts";

const owner = { kind: "NetworkPolicy", namespace: "shop", name: "web" } as const;
const toPort = (port: number): Rule => ({ action: "Allow", protocol: "TCP", destination: { ports: [port] } });

function chain(...rules: Rule[]): Chain {
  return compileOwner(owner, rules, { direction: "Ingress", family: 4 }).chain;
}

const v4 = { family: 4, table: "filter" } as const;
const v6 = { family: 6, table: "filter" } as const;

describe("hits of rules", () => {
  const two = chain(toPort(80), toPort(443));

  it("grow with what the kernel counts, whenever it is looked at", () => {
    const hits = new RuleHits();
    expect(hits.of(v4, two)).toEqual([0, 0]);
    hits.observe(v4, two, [3, 0]);
    hits.observe(v4, two, [3, 0]);
    hits.observe(v4, two, [5, 1]);
    expect(hits.of(v4, two)).toEqual([5, 1]);
    expect(hits.of(v6, two)).toEqual([0, 0]);
    expect(hits.of({ family: 4, table: "mangle" }, two)).toEqual([0, 0]);
  });

  it("survive that a chain is filled anew, and follow a rule that moves", () => {
    const hits = new RuleHits();
    hits.observe(v4, two, [5, 1]);
    hits.rewritten(v4, [two.name]);
    const three = chain(toPort(8080), toPort(80), toPort(443));
    hits.observe(v4, three, [1, 2, 0]);
    expect(hits.of(v4, three)).toEqual([1, 7, 1]);
    expect(hits.of(v4, two)).toEqual([7, 1]);
  });

  it("count from zero where the kernel did so, told or not", () => {
    const hits = new RuleHits();
    hits.observe(v4, two, [5, 1]);
    hits.observe(v4, two, [2, 1]);
    expect(hits.of(v4, two)).toEqual([7, 1]);
    hits.rewritten(v4, [two.name]);
    hits.observe(v4, two, [9, 9]);
    expect(hits.of(v4, two)).toEqual([16, 10]);
  });

  it("go on in other tables, which count from zero", () => {
    const hits = new RuleHits();
    hits.observe(v4, two, [5, 1]);
    hits.moved();
    hits.observe(v4, two, [7, 0]);
    expect(hits.of(v4, two)).toEqual([12, 1]);
  });

  it("of equal rules are of each by itself", () => {
    const twice = chain(toPort(80), toPort(80));
    const hits = new RuleHits();
    hits.observe(v4, twice, [4, 0]);
    expect(hits.of(v4, twice)).toEqual([4, 0]);
  });

  it("are not taken from a chain that is not as we left it, and go with the chain", () => {
    const hits = new RuleHits();
    hits.observe(v4, two, [4]);
    expect(hits.of(v4, two)).toEqual([0, 0]);
    hits.observe(v4, two, [4, 4]);
    hits.keep(v6, new Set());
    hits.keep({ family: 4, table: "raw" }, new Set());
    expect(hits.of(v4, two)).toEqual([4, 4]);
    hits.keep(v4, new Set());
    expect(hits.of(v4, two)).toEqual([0, 0]);
  });
});

describe("names of rules", () => {
  const owners = [
    owner,
    { kind: "GlobalNetworkPolicy", namespace: null, name: "knp.default.a-b" },
    { kind: "Profile", namespace: null, name: "kns.shop" },
  ] as const;
  it("are read from what the compiler writes", () => {
    for (const each of owners) {
      for (const direction of ["Ingress", "Egress"] as const) {
        const rules = compileOwner(each, [{ action: "Deny" }, { action: "Allow" }], { direction, family: 6 }).chain
          .rules;
        expect(rules.map(({ comment }) => ruleNameOf(comment))).toEqual(
          [0, 1].map((rule) => ({ owner: each, direction, rule })),
        );
      }
    }
  });

  it("are none of what stands around policies", () => {
    for (const comment of ["no policy allows it", "shop/web", "known flow", "", "Profile a ingress b"]) {
      expect(ruleNameOf(comment)).toBeNull();
    }
  });
});
