import { describe, expect, it } from "vitest";
import type { Policy } from "./cluster.ts";
import { enforceablePolicy } from "./enforceable.ts";
import { globalPolicySample, policySample } from "./sampleCluster.ts";

/** For nobody knows whom: nothing stands in their place. */
const unusable: { name: string; policy: Policy; problem: RegExp }[] = [
  { name: "a selector", policy: policySample("p", { selector: "a ==" }), problem: /^spec: selector "a =="/ },
  {
    name: "a selector of namespaces",
    policy: globalPolicySample("g", { namespaceSelector: "b ==" }),
    problem: /^spec: selector "b =="/,
  },
  { name: "a word for hosts", policy: globalPolicySample("g", { preDNAT: true }), problem: /^spec\.preDNAT/ },
];

/** It is known for whom: they are cut off in the directions that the policy is about. */
const closed: { name: string; policy: Policy; types: string[]; problem: RegExp }[] = [
  {
    name: "a rule for HTTP",
    policy: policySample("p", { ingress: [{ action: "Allow", http: { methods: ["GET"] } }] }),
    types: ["Ingress"],
    problem: /^spec\.ingress\[0\]: http/,
  },
  {
    name: "ports without a protocol, behind a rule that is well",
    policy: policySample("p", { egress: [{ action: "Allow" }, { action: "Allow", destination: { ports: [80] } }] }),
    types: ["Egress"],
    problem: /^spec\.egress\[1\]: destination\.ports need/,
  },
];

describe("of a policy that cannot be enforced as it is written", () => {
  for (const { name, policy, problem } of unusable) {
    it(`nothing is left for ${name}`, () => {
      const enforced = enforceablePolicy(policy);
      expect(enforced.resource).toBe(null);
      expect(enforced.problem).toMatch(problem);
    });
  }

  for (const { name, policy, types, problem } of closed) {
    it(`nothing is allowed for ${name}`, () => {
      const enforced = enforceablePolicy(policy);
      expect(enforced.resource?.spec).toMatchObject({ types, ingress: [], egress: [] });
      expect(enforced.problem).toMatch(problem);
    });
  }

  it("there is no word where all is well", () => {
    const policy = globalPolicySample("g", { namespaceSelector: "all()", ingress: [{ action: "Allow" }] });
    expect(enforceablePolicy(policy)).toEqual({ resource: policy, problem: null });
  });
});
