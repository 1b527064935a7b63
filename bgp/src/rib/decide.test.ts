import { describe, expect, it } from "vitest";
import { type Candidate, decide, Rule, ruleName } from "./decide.ts";

const best: Candidate = {
  eligible: true,
  localPref: 100,
  asPathLength: 2,
  origin: 0,
  med: 10,
  neighborAsn: 65001,
  external: true,
  igpCost: 5,
  bgpId: 1,
  clusterListLength: 0,
  peerRank: 1,
  pathId: 1,
};

const worse: { name: string; route: Partial<Candidate>; rule: number }[] = [
  { name: "a route that we may not use", route: { eligible: false }, rule: Rule.eligible },
  { name: "a lower local preference", route: { localPref: 50 }, rule: Rule.localPref },
  { name: "a longer AS path", route: { asPathLength: 3 }, rule: Rule.asPathLength },
  { name: "a higher origin", route: { origin: 2 }, rule: Rule.origin },
  { name: "a higher MED of the same neighbour", route: { med: 11 }, rule: Rule.med },
  { name: "an internal route", route: { external: false }, rule: Rule.external },
  { name: "a farther next hop", route: { igpCost: 6 }, rule: Rule.igpCost },
  { name: "a higher BGP identifier", route: { bgpId: 2 }, rule: Rule.bgpId },
  { name: "a longer cluster list", route: { clusterListLength: 1 }, rule: Rule.clusterList },
  { name: "the higher peer", route: {}, rule: Rule.peer },
  { name: "one that is worse by an earlier rule and better by all later ones", ...betterLater(), rule: Rule.localPref },
];

function betterLater(): { route: Partial<Candidate> } {
  return { route: { localPref: 99, asPathLength: 1, med: 0, igpCost: 0, bgpId: 0 } };
}

describe("decide (RFC 4271 §9.1.2.2)", () => {
  for (const { name, route, rule } of worse) {
    it(`prefers the best route to ${name}, whichever comes first`, () => {
      const other = { ...best, peerRank: 2, ...route };
      expect(decide(best, other)).toBe(rule);
      expect(decide(other, best)).toBe(-rule);
    });
  }

  it("does not compare the MEDs of two neighbours", () => {
    const other = { ...best, peerRank: 2, neighborAsn: 65002, med: 0 };
    expect(ruleName(decide(best, other))).toBe("peer");
  });
});
