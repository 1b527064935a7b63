import type { Rule } from "@brindle/api";
import { describe, expect, it } from "vitest";
import { compileRule } from "./compileRule.ts";
import { usesOfHosts } from "./hostUses.ts";

const near: Rule = { action: "Allow", destination: { selector: "role == 'a'" } };
const far: Rule = { action: "Allow", source: { selector: "role == 'a'" } };

describe("the sets of host endpoints' rules", () => {
  const growthOf = (rule: Rule, stage: "ofHosts" | "forwarded" | "untracked" | "preDnat"): string[] => {
    const { sets } = compileRule(rule, 4, { namespace: null, direction: "Ingress" });
    const chain = { rules: [], sets };
    const none = { ofHosts: [], forwarded: [], untracked: [], preDnat: [] };
    return usesOfHosts({ ...none, [stage]: [chain] }).map(({ growth }) => growth);
  };

  it("change in place where they are of the far end of what the host itself sends or receives", () => {
    expect(growthOf(far, "ofHosts")).toEqual(["loosens"]);
  });
  it("do not where they are of the host's own end", () => {
    expect(growthOf(near, "ofHosts")).toEqual(["mixed"]);
  });
  it.each(["forwarded", "untracked", "preDnat"] as const)(
    "do not where rules for pods are asked as well: %s",
    (stage) => {
      expect(growthOf(far, stage)).toEqual(["mixed"]);
    },
  );
});
