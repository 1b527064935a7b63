import { unreadRulesAnnotation } from "@brindle/api";
import { describe, expect, it } from "vitest";
import type { Policy } from "./cluster.ts";
import { enforceablePolicy } from "./enforceable.ts";
import { globalPolicySample, policySample } from "./sampleCluster.ts";

const dns = { name: "dns", namespace: "kube-system" };

/** They are cut off in the directions that the policy is about. */
const closed: { name: string; policy: Policy; types: string[]; problem: RegExp }[] = [
  {
    name: "a selector that cannot be read",
    policy: policySample("p", { selector: "a ==", ingress: [{ action: "Allow" }] }),
    types: ["Ingress"],
    problem:
      /^spec\.selector: "a ==" is no selector: .*; it is closed, ingress, for all endpoints of namespace default$/,
  },
  {
    name: "a selector of namespaces that cannot be read",
    policy: globalPolicySample("g", { selector: "has(a)", namespaceSelector: "b ==" }),
    types: ["Ingress"],
    problem: /^spec\.namespaceSelector: "b ==".*; it is closed, ingress, for the endpoints with has\(a\)$/,
  },
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
  ...(
    [
      [
        "without a name",
        "Egress",
        { destination: { services: { namespace: "a" } } },
        "destination.services need a name",
      ],
      [
        "of no namespace",
        "Egress",
        { destination: { services: { name: "dns" } } },
        "destination.services need a namespace, as the policy has none",
      ],
      [
        "at the end that is its own",
        "Ingress",
        { destination: { services: dns } },
        "destination.services have no meaning in ingress rules",
      ],
      [
        "at the end that is its own",
        "Egress",
        { source: { services: dns } },
        "source.services have no meaning in egress rules",
      ],
      [
        "beside a selector",
        "Ingress",
        { source: { services: dns, selector: "has(a)" } },
        "source.services cannot be given together with selector",
      ],
      [
        "beside ports",
        "Egress",
        { protocol: "UDP", destination: { services: dns, notPorts: [53] } },
        "destination.services cannot be given together with notPorts",
      ],
    ] as const
  ).map(([name, type, fields, problem]) => ({
    name: `a Service ${name}, ${type}`,
    policy: globalPolicySample("g", { [type.toLowerCase()]: [{ action: "Allow", ...fields }] }),
    types: [type],
    problem: new RegExp(`^spec\\.${type.toLowerCase()}\\[0\\]: ${problem}`),
  })),
];

describe("of a policy that cannot be enforced as it is written", () => {
  it("nothing is left of one for hosts", () => {
    const enforced = enforceablePolicy(globalPolicySample("g", { preDNAT: true, selector: "a ==" }));
    expect(enforced.resource).toBe(null);
    expect(enforced.problem).toMatch(/about hosts alone/);
  });

  for (const { name, policy, types, problem } of closed) {
    it(`nothing is allowed for ${name}`, () => {
      const enforced = enforceablePolicy(policy);
      expect(enforced.resource?.spec).toMatchObject({ types, ingress: [], egress: [] });
      expect(enforced.problem).toMatch(problem);
    });
  }

  it("a Service at the far end is none of these, nor one with source ports", () => {
    const policy = globalPolicySample("g", {
      ingress: [{ action: "Allow", protocol: "UDP", source: { services: dns, ports: [53], nets: [] } }],
      egress: [{ action: "Allow", destination: { services: dns, ports: [] } }],
    });
    expect(enforceablePolicy(policy)).toEqual({ resource: policy, problem: null });
  });

  it("of Kubernetes' is told which rules were closed as it was read, and the others hold", () => {
    const policy = globalPolicySample("kcnp.kube-admin.a", { ingress: [{ action: "Deny" }, { action: "Allow" }] });
    const annotations = { [unreadRulesAnnotation]: "spec.ingress[0].from[0] has fields of a later version" };
    const unread = { ...policy, metadata: { ...policy.metadata, annotations } };
    const { resource, problem } = enforceablePolicy(unread);
    expect(resource).toBe(unread);
    expect(problem).toMatch(
      /^spec\.ingress\[0\]\.from\[0\] has fields of a later version; such a rule accepts nothing/,
    );
  });

  it("there is no word where all is well", () => {
    const policy = globalPolicySample("g", { namespaceSelector: "all()", ingress: [{ action: "Allow" }] });
    expect(enforceablePolicy(policy)).toEqual({ resource: policy, problem: null });
  });
});
