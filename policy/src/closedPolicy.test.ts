import { describe, expect, it } from "vitest";
import { closedPolicy, type PolicyKey } from "./closedPolicy.ts";
import { evaluate } from "./evaluate.ts";
import { endpointSample, namespaceProfileSample, packetSample, policySample } from "./sampleCluster.ts";
import { unknownTier } from "./tiers.ts";

const ofNamespace: PolicyKey = { kind: "NetworkPolicy", namespace: "shop", name: "p" };
const ofCluster: PolicyKey = { kind: "GlobalNetworkPolicy", name: "g" };

const deny = [{ action: "Deny" }];
const both = ["Ingress", "Egress"];
/** What names no tier that can be read stands before all tiers. */
const first = { tier: unknownTier };
const unknown = { ...first, types: both, ingress: deny, egress: deny, order: Number.NEGATIVE_INFINITY };

const texts: { name: string; key?: PolicyKey; text: unknown; spec: object; width: string }[] = [
  {
    name: "what is no JSON, over its namespace and before all others",
    text: undefined,
    spec: unknown,
    width: "ingress and egress, for all endpoints of namespace shop",
  },
  {
    name: "what is no JSON, of a global one, over everything",
    key: ofCluster,
    text: undefined,
    spec: unknown,
    width: "ingress and egress, for all endpoints",
  },
  { name: "a list", text: [], spec: unknown, width: "ingress and egress, for all endpoints of namespace shop" },
  {
    name: "a spec that is none",
    text: { spec: "none" },
    spec: unknown,
    width: "ingress and egress, for all endpoints of namespace shop",
  },
  {
    name: "an object of another kind, whose fields mean something else",
    text: { kind: "NetworkPolicy", apiVersion: "networking.k8s.io/v1", spec: { podSelector: {}, types: ["Ingress"] } },
    spec: unknown,
    width: "ingress and egress, for all endpoints of namespace shop",
  },
  {
    name: "all that can be read",
    text: {
      apiVersion: "crd.projectcalico.org/v1",
      kind: "NetworkPolicy",
      spec: { order: 7, selector: "a == 'b'", types: ["Egress"], egress: [{ action: "Allow" }], ingress: 1 },
    },
    spec: {
      order: 7,
      selector: "a == 'b'",
      types: ["Egress"],
      ingress: deny,
      egress: [],
    },
    width: "egress, for the endpoints with a == 'b' of namespace shop",
  },
  {
    name: "a selector that cannot be read",
    text: { spec: { selector: "a ==", types: ["Ingress"] } },
    spec: { types: ["Ingress"], ingress: [], egress: [] },
    width: "ingress, for all endpoints of namespace shop",
  },
  {
    name: "a selector that is no text, within the namespaces that can be read",
    key: ofCluster,
    text: { spec: { selector: 5, namespaceSelector: "team == 'a'", types: ["Ingress"] } },
    spec: { namespaceSelector: "team == 'a'", types: ["Ingress"], ingress: [], egress: [] },
    width: "ingress, for all endpoints of the namespaces with team == 'a'",
  },
  {
    name: "a namespaceSelector that cannot be read, within the selector that can",
    key: ofCluster,
    text: { spec: { selector: "has(a)", namespaceSelector: "(", types: ["Ingress"] } },
    spec: { selector: "has(a)", types: ["Ingress"], ingress: [], egress: [] },
    width: "ingress, for the endpoints with has(a)",
  },
  {
    name: "a namespaceSelector where there can be none, which is not heeded",
    text: { spec: { namespaceSelector: "has(x)", types: ["Ingress"] } },
    spec: { types: ["Ingress"], ingress: [], egress: [] },
    width: "ingress, for all endpoints of namespace shop",
  },
  {
    name: "types of which one is unknown",
    text: { spec: { types: ["Ingress", "Sideways"] } },
    spec: { types: both, ingress: [], egress: [] },
    width: "ingress and egress, for all endpoints of namespace shop",
  },
  {
    name: "types that are no list",
    text: { spec: { types: "Ingress" } },
    spec: { types: both, ingress: [], egress: [] },
    width: "ingress and egress, for all endpoints of namespace shop",
  },
  {
    name: "no types, by its rules",
    text: { spec: { egress: [{ action: "Allow" }] } },
    spec: { types: ["Egress"], ingress: [], egress: [] },
    width: "egress, for all endpoints of namespace shop",
  },
  {
    name: "no types and no rules",
    text: { spec: {} },
    spec: { types: ["Ingress"], ingress: [], egress: [] },
    width: "ingress, for all endpoints of namespace shop",
  },
  {
    name: "no types, and rules that cannot be read",
    text: { spec: { ingress: {}, egress: [] } },
    spec: { types: ["Ingress"], ingress: deny, egress: [] },
    width: "ingress, for all endpoints of namespace shop",
  },
  {
    name: "an order that is no number, before all others",
    text: { spec: { order: "first" } },
    spec: { order: Number.NEGATIVE_INFINITY, types: ["Ingress"], ingress: [], egress: [] },
    width: "ingress, for all endpoints of namespace shop",
  },
  {
    name: "a tier that is no text, before all tiers",
    text: { spec: { tier: 7, types: ["Ingress"] } },
    spec: { ...first, types: ["Ingress"], ingress: [], egress: [] },
    width: "ingress, for all endpoints of namespace shop",
  },
  {
    name: "a tier that can be read, in that tier",
    text: { spec: { tier: "platform", order: 3, types: ["Ingress"] } },
    spec: { tier: "platform", order: 3, types: ["Ingress"], ingress: [], egress: [] },
    width: "ingress, for all endpoints of namespace shop",
  },
  {
    name: "a service account selector that can be read",
    text: { spec: { serviceAccountSelector: "role == 'db'", types: ["Ingress"] } },
    spec: { serviceAccountSelector: "role == 'db'", types: ["Ingress"], ingress: [], egress: [] },
    width: "ingress, for all endpoints under service accounts with role == 'db' of namespace shop",
  },
  {
    name: "one of Kubernetes' own, in the tier that its name tells",
    key: { kind: "GlobalNetworkPolicy", name: "kcnp.kube-baseline.all" },
    text: undefined,
    spec: { tier: "kube-baseline", order: Number.NEGATIVE_INFINITY, types: both, ingress: deny, egress: deny },
    width: "ingress and egress, for all endpoints",
  },
  {
    name: "rules that may do more than allow",
    text: { spec: { ingress: [{ action: "Allow" }, { action: "Pass" }], egress: [{ action: "Log" }, {}] } },
    spec: { types: both, ingress: deny, egress: deny },
    width: "ingress and egress, for all endpoints of namespace shop",
  },
];

describe("in place of a policy that cannot be read stands one that is closed: of", () => {
  for (const { name, key = ofNamespace, text, spec, width } of texts) {
    it(name, () => {
      const { namespace, ...rest } = key;
      const closed = closedPolicy(key, text);
      expect(closed.policy?.spec).toEqual(spec);
      expect(closed.policy).toMatchObject({
        kind: rest.kind,
        metadata: { name: rest.name, ...(namespace !== undefined && { namespace }) },
      });
      expect(closed.width).toBe(`it is closed, ${width}`);
    });
  }

  it("one for hosts nothing, since it says nothing of pods", () => {
    for (const field of ["preDNAT", "doNotTrack"]) {
      expect(closedPolicy(ofCluster, { spec: { [field]: true } }).policy).toBe(null);
    }
    expect(closedPolicy(ofNamespace, { spec: { preDNAT: true } }).policy).not.toBe(null);
  });
});

describe("beside other policies a closed one", () => {
  const web = endpointSample("web", { namespace: "shop", labels: { app: "web" }, addresses: ["10.0.0.1"] });
  const other = endpointSample("other", { namespace: "away", addresses: ["10.0.0.2"] });
  const allowAll = policySample("allow", { order: 500, ingress: [{ action: "Allow" }] }, "shop");
  const verdict = (text: unknown) => {
    const { policy } = closedPolicy(ofNamespace, text);
    const profiles = [namespaceProfileSample("shop"), namespaceProfileSample("away")];
    const cluster = { endpoints: [web, other], profiles, policies: [allowAll, ...(policy ? [policy] : [])] };
    return evaluate(cluster, packetSample("10.0.0.2", "10.0.0.1")).verdict;
  };

  it("that may have denied lets none behind it open", () => {
    expect(verdict(undefined)).toBe("deny");
    expect(verdict({ spec: { order: 1, ingress: [{ action: "Deny", protocol: "NOSUCH" }] } })).toBe("deny");
  });

  it("that only allowed leaves to others what they allow", () => {
    expect(verdict({ spec: { order: 1, ingress: [{ action: "Allow", protocol: "NOSUCH" }] } })).toBe("allow");
  });

  it("leaves those in front of it alone", () => {
    expect(verdict({ spec: { order: 900, ingress: [{ action: "Deny", protocol: "NOSUCH" }] } })).toBe("allow");
  });

  it("does not reach beyond what it selects", () => {
    expect(verdict({ spec: { order: 1, selector: "app == 'db'", ingress: [{ action: "Deny" }, 1] } })).toBe("allow");
  });
});
