import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { documentOf, problemsOf, type RefusedCase, resourceOf, storedTextOf, warningsOf } from "./testing.ts";

const staged = [
  { kind: "StagedNetworkPolicy", metadata: { namespace: "prod" } },
  { kind: "StagedGlobalNetworkPolicy", metadata: {} },
] as const;

for (const { kind, metadata } of staged) {
  describe(`a ${kind}`, () => {
    const refused: RefusedCase[] = [
      {
        name: "an action that is none",
        spec: { stagedAction: "Remove" },
        problems: ['spec.stagedAction: "Remove" is none of Set, Delete, Learn, Ignore'],
      },
      {
        name: "content where it deletes",
        spec: { stagedAction: "Delete", selector: "all()", tier: "default", order: 1 },
        problems: [
          'spec.order: "1" must be left out with stagedAction Delete',
          'spec.selector: "all()" must be left out with stagedAction Delete',
        ],
      },
      {
        name: "a rule that no policy may have",
        spec: { ingress: [{ action: "Maybe" }] },
        problems: ['spec.ingress[0].action: "Maybe" is none of Allow, Deny, Log, Pass'],
      },
    ];
    for (const { name, spec, problems } of refused) {
      it(`is refused with ${name}`, () => assert.deepEqual(problemsOf(documentOf(kind, spec, metadata)), problems));
    }

    it("is stored with its action first, the types of its rules, and the marks of its tier and name", () => {
      const text = storedTextOf(documentOf(kind, { selector: "all()", egress: [{ action: "Deny" }] }, metadata));
      assert.match(
        text,
        /"labels":\{"projectcalico\.org\/tier":"default"\},"annotations":\{"projectcalico\.org\/metadata":"\{\\"name\\":\\"x\\"\}"\}/,
      );
      assert.ok(
        text.endsWith(
          '"spec":{"stagedAction":"Set","tier":"default","egress":[{"action":"Deny"}],"selector":"all()","types":["Egress"]}}',
        ),
        text,
      );
    });

    it("says nothing of types where it deletes", () => {
      const resource = resourceOf(documentOf(kind, { stagedAction: "Delete", ingress: [] }, metadata));
      assert.deepEqual(Object.keys(resource.spec), ["stagedAction", "tier", "ingress"]);
    });

    it("brings no warning: what it does is to do nothing", () => {
      assert.deepEqual(warningsOf(documentOf(kind, { tier: "platform", ingress: [{ action: "Log" }] }, metadata)), []);
    });
  });
}

describe("a StagedGlobalNetworkPolicy", () => {
  it("is held to the rules of a policy for hosts", () => {
    assert.deepEqual(problemsOf(documentOf("StagedGlobalNetworkPolicy", { preDNAT: true })), [
      "spec.applyOnForward: must be true with preDNAT or doNotTrack",
    ]);
  });
});

describe("a StagedKubernetesNetworkPolicy", () => {
  const ingress = (rule: object) => ({ ingress: [rule] });
  const from = (peer: object) => ingress({ from: [peer] });
  const selector = (requirement: object) => ({ podSelector: { matchExpressions: [requirement] } });
  const refused: RefusedCase[] = [
    {
      name: "no types",
      spec: { policyTypes: [] },
      problems: ["spec.policyTypes: has 0 entries, at least 1 are needed"],
    },
    {
      name: "a type twice",
      spec: { policyTypes: ["Ingress", "Ingress"] },
      problems: ["spec.policyTypes: has an entry twice"],
    },
    {
      name: "an operator that is none",
      spec: selector({ key: "app", operator: "Is" }),
      problems: [
        'spec.podSelector.matchExpressions[0].operator: "Is" is none of In, NotIn, Exists, DoesNotExist; did you mean In?',
      ],
    },
    {
      name: "In without values",
      spec: selector({ key: "app", operator: "In", values: [] }),
      problems: ["spec.podSelector.matchExpressions[0].values: has no entries, In needs one"],
    },
    {
      name: "Exists with values",
      spec: selector({ key: "app", operator: "Exists", values: ["a"] }),
      problems: ["spec.podSelector.matchExpressions[0].values: must be left out: Exists takes none"],
    },
    {
      name: "a network beside a selector",
      spec: from({ podSelector: {}, ipBlock: { cidr: "10.0.0.0/8" } }),
      problems: ["spec.ingress[0].from[0].ipBlock: cannot stand beside selectors"],
    },
    {
      name: "nobody in particular",
      spec: from({}),
      problems: ["spec.ingress[0].from[0]: is empty: podSelector, namespaceSelector or ipBlock is needed"],
    },
    {
      name: "an exception outside of its network",
      spec: from({ ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/16", "11.0.0.0/16"] } }),
      problems: ['spec.ingress[0].from[0].ipBlock.except[1]: "11.0.0.0/16" is not inside of 10.0.0.0/8'],
    },
    {
      name: "a range of ports that ends before it begins",
      spec: ingress({ ports: [{ port: 80, endPort: 79 }] }),
      problems: ['spec.ingress[0].ports[0].endPort: "79" is less than port, 80'],
    },
    {
      name: "a range that begins with a name",
      spec: ingress({ ports: [{ port: "http", endPort: 80 }] }),
      problems: ['spec.ingress[0].ports[0].endPort: "80" needs a port in figures beside it'],
    },
    {
      name: "content where it deletes",
      spec: { stagedAction: "Delete", podSelector: { matchLabels: { a: "b" } } },
      problems: ["spec.podSelector: must be left out with stagedAction Delete"],
    },
  ];
  const metadata = { namespace: "prod" };
  const kind = "StagedKubernetesNetworkPolicy";
  for (const { name, spec, problems } of refused) {
    it(`is refused with ${name}`, () => assert.deepEqual(problemsOf(documentOf(kind, spec, metadata)), problems));
  }

  it("is stored with a selector, and without the marks of Calico's own policies", () => {
    const text = storedTextOf(documentOf(kind, { policyTypes: ["Ingress"] }, metadata));
    assert.ok(!text.includes("labels"), text);
    assert.ok(text.endsWith('"spec":{"stagedAction":"Set","podSelector":{},"policyTypes":["Ingress"]}}'), text);
  });

  it("may delete", () => {
    assert.deepEqual(problemsOf(documentOf(kind, { stagedAction: "Delete", podSelector: {} }, metadata)), []);
  });
});
