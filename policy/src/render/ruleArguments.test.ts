import { describe, expect, it } from "vitest";
import type { ChainRule } from "./ir.ts";
import { identityOf, ruleArguments } from "./ruleArguments.ts";

const rule: ChainRule = {
  matches: [
    { kind: "interface", direction: "in", name: "cali+" },
    { kind: "connection", states: ["RELATED", "ESTABLISHED"] },
    { kind: "ends", side: "source", set: "brdl4s_ends" },
  ],
  target: { kind: "accept" },
  comment: "known flow",
};

const words = (text: string): string[] => text.split(" ");
const rendered = (one: ChainRule) => ruleArguments(one, 4, (base) => `${base}a`);

describe("a rule in iptables' words", () => {
  it("has its comment behind all that may fail to match, and before its target", () => {
    const { arguments: all, identity } = rendered(rule);
    const at = all.indexOf("comment");
    expect(all.slice(0, at - 1)).toEqual(
      words("-i cali+ -m conntrack --ctstate RELATED,ESTABLISHED -m set --match-set brdl4s_endsa src,src"),
    );
    expect(all.slice(at + 2)).toEqual([`brdl:${identity} known flow`, "-j", "ACCEPT"]);
  });

  it("is the same rule as one whose comment an earlier agent wrote first", () => {
    const { arguments: all, identity } = rendered(rule);
    const at = all.indexOf("comment") - 1;
    expect(identityOf([...all.slice(at, at + 4), ...all.slice(0, at), ...all.slice(at + 4)])).toBe(identity);
  });

  it("is told by its words where it has no comment", () => {
    const bare = rendered({ ...rule, isBare: true });
    expect(bare.arguments).not.toContain("comment");
    expect(identityOf(bare.arguments)).toBe(bare.identity);
    expect(identityOf(ruleArguments({ ...rule, isBare: true }, 4, (base) => `${base}b`).arguments)).not.toBe(
      bare.identity,
    );
    expect(identityOf(rendered(rule).arguments)).not.toBe(bare.identity);
  });
});
