import assert from "node:assert/strict";
import type { Rule } from "@brindle/api";
import { describe, it } from "vitest";
import { chains } from "./names.ts";
import { compileOwner, type RuleOwner } from "./owner.ts";

const policy: RuleOwner = { kind: "NetworkPolicy", namespace: "default", name: "web" };
const profile: RuleOwner = { kind: "Profile", namespace: null, name: "kns.default" };

const cases: { name: string; owner: RuleOwner; action: Rule["action"]; chain: string }[] = [
  { name: "allowing, of a policy", owner: policy, action: "Allow", chain: chains.allow },
  { name: "denying, of a policy", owner: policy, action: "Deny", chain: chains.denied },
  { name: "passing on, of a policy", owner: policy, action: "Pass", chain: chains.pass },
  { name: "allowing, of a profile", owner: profile, action: "Allow", chain: chains.allow },
  {
    name: "passing on, of a profile, behind which there is no tier",
    owner: profile,
    action: "Pass",
    chain: chains.denied,
  },
];

describe("where a rule sends the packet:", () => {
  for (const { name, owner, action, chain } of cases) {
    it(name, () => {
      for (const family of [4, 6] as const) {
        const { rules } = compileOwner(owner, [{ action }], { direction: "Ingress", family }).chain;
        assert.deepEqual(
          rules.map(({ target }) => target),
          [{ kind: "goto", chain }],
        );
      }
    });
  }
});
