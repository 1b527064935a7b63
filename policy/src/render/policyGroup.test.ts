import assert from "node:assert/strict";
import { describe, it } from "vitest";
import type { Chain } from "./ir.ts";
import { policyGroup } from "./policyGroup.ts";

describe("a group of policies", () => {
  const policies = Array.from({ length: 400 }, (_, index) => `BRDL-pi-default/policy-${index}`);
  const jumps = ({ rules }: Chain): string[] =>
    rules.flatMap(({ target }) => (target.kind === "jump" ? [target.chain] : []));
  /** In the order in which a packet meets them. */
  const asked = ([first, ...parts]: readonly Chain[]): string[] => {
    const byName = new Map(parts.map((chain) => [chain.name, chain]));
    return (first ? jumps(first) : []).flatMap((name) => {
      const part = byName.get(name);
      return part ? jumps(part) : [name];
    });
  };

  it("asks each of them once, in their order, and goes on where none has decided", () => {
    for (const count of [1, 8, 20, 400]) {
      const group = policyGroup(policies.slice(0, count), "Ingress");
      assert.deepEqual(asked(group), policies.slice(0, count));
      const others = group.flatMap(({ rules }) => rules.filter((_, at) => at % 2 === 1));
      assert(others.every(({ target, matches }) => target.kind === "return" && matches.length === 1));
    }
  });
  it("is the same but for a part where one of many comes or goes", () => {
    const before = new Set(policyGroup(policies, "Ingress").map(({ name }) => name));
    for (const at of [0, 123, 399]) {
      const after = policyGroup(policies.toSpliced(at, 1), "Ingress");
      const others = after.filter(({ name }) => !before.has(name));
      assert(others.length <= 2, `${others.length} of ${after.length} chains are others`);
      assert(others.flatMap(({ rules }) => rules).length < 250);
    }
  });
});
