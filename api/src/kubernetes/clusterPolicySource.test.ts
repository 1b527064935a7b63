import assert from "node:assert/strict";
import { describe, it } from "vitest";
import type { GlobalNetworkPolicy } from "../kinds/globalNetworkPolicy.ts";
import { validate } from "../kinds/validate.ts";
import type { Members } from "./apiObject.ts";
import { clusterPolicySource, unreadRulesAnnotation } from "./clusterPolicySource.ts";
import { givenByServer } from "./sampleServer.ts";
import type { ApiObject } from "./source.ts";

const k8s = "projectcalico.org/orchestrator == 'k8s'";
const anyone = { namespaces: {} };

function policyWith(spec: Members): ApiObject {
  return {
    metadata: { name: "guard", ...givenByServer },
    spec: { tier: "Admin", priority: 5, subject: anyone, ...spec },
  };
}

function converted(spec: Members): GlobalNetworkPolicy {
  const reading = clusterPolicySource.read(policyWith(spec));
  assert.ok(reading.type === "value", JSON.stringify(reading));
  return reading.value;
}

const accept = { action: "Accept", from: [anyone] };

describe("a ClusterNetworkPolicy", () => {
  it("is a GlobalNetworkPolicy of its tier, its priority the order", () => {
    const spec = {
      tier: "Baseline",
      subject: {
        pods: { namespaceSelector: { matchLabels: { env: "live" } }, podSelector: { matchLabels: { app: "db" } } },
      },
      ingress: [accept],
    };
    assert.deepEqual(clusterPolicySource.read(policyWith(spec)), {
      type: "value",
      key: { kind: "GlobalNetworkPolicy", name: "kcnp.kube-baseline.guard" },
      value: {
        apiVersion: "projectcalico.org/v3",
        kind: "GlobalNetworkPolicy",
        metadata: {
          name: "kcnp.kube-baseline.guard",
          uid: "88888888-4444-43cc-8422-aaaaaaaaaaaa",
          creationTimestamp: givenByServer.creationTimestamp,
          labels: { "projectcalico.org/tier": "kube-baseline" },
        },
        spec: {
          tier: "kube-baseline",
          order: 5,
          ingress: [{ action: "Allow", source: { namespaceSelector: "all()" } }],
          selector: `${k8s} && app == 'db'`,
          types: ["Ingress"],
          namespaceSelector: "env == 'live'",
        },
      },
    });
  });

  const rules: { name: string; rule: Members; expected: readonly Members[] }[] = [
    {
      name: "a rule with a name, which it keeps",
      rule: { name: "first", action: "Pass", to: [anyone] },
      expected: [
        { action: "Pass", destination: { namespaceSelector: "all()" }, metadata: { annotations: { name: "first" } } },
      ],
    },
    {
      name: "peers that are pods",
      rule: { action: "Deny", to: [{ pods: { podSelector: { matchLabels: { app: "web" } } } }] },
      expected: [{ action: "Deny", destination: { selector: `${k8s} && app == 'web'`, namespaceSelector: "all()" } }],
    },
    {
      name: "networks, of each family in a rule of its own",
      rule: { action: "Accept", to: [{ networks: ["10.0.0.1/8", "fd00::/8", "192.0.2.0/24"] }] },
      expected: [
        { action: "Allow", destination: { nets: ["10.0.0.0/8", "192.0.2.0/24"] } },
        { action: "Allow", destination: { nets: ["fd00::/8"] } },
      ],
    },
    {
      name: "nodes, closed for who does not know them, beside other peers",
      rule: {
        name: "n",
        action: "Accept",
        to: [{ nodes: { matchLabels: { role: "worker" } } }, anyone],
        protocols: [{ tcp: { destinationPort: { number: 6443 } } }],
      },
      expected: [
        {
          action: "Allow",
          protocol: "TCP",
          destination: { nets: ["0.0.0.0/32"], ports: [6443] },
          metadata: { annotations: { name: "n", "brindle.network/nodes": "role == 'worker'" } },
        },
        {
          action: "Allow",
          protocol: "TCP",
          destination: { namespaceSelector: "all()", ports: [6443] },
          metadata: { annotations: { name: "n" } },
        },
      ],
    },
    {
      name: "nodes that are denied, as if they were everybody",
      rule: { action: "Deny", to: [{ nodes: {} }] },
      expected: [{ action: "Deny", metadata: { annotations: { "brindle.network/nodes": "all()" } } }],
    },
    {
      name: "nodes that are handed on, as if they were everybody and denied",
      rule: { action: "Pass", to: [{ nodes: {} }], protocols: [{ udp: {} }] },
      expected: [
        {
          action: "Deny",
          protocol: "UDP",
          metadata: { annotations: { "brindle.network/nodes": "all()", "brindle.network/nodes-action": "Pass" } },
        },
      ],
    },
    {
      name: "ports, of each protocol in a rule of its own, neighbours as one range",
      rule: {
        action: "Accept",
        to: [anyone],
        protocols: [
          { udp: {} },
          { tcp: { destinationPort: { number: 81 } } },
          { tcp: { destinationPort: { range: { start: 82, end: 90 } } } },
          { sctp: { destinationPort: { number: 5 } } },
        ],
      },
      expected: [
        { action: "Allow", protocol: "SCTP", destination: { namespaceSelector: "all()", ports: [5] } },
        { action: "Allow", protocol: "TCP", destination: { namespaceSelector: "all()", ports: ["81:90"] } },
        { action: "Allow", protocol: "UDP", destination: { namespaceSelector: "all()" } },
      ],
    },
    {
      name: "named ports, which bring their protocol along",
      rule: { action: "Accept", to: [anyone], protocols: [{ destinationNamedPort: "http" }] },
      expected: [{ action: "Allow", destination: { namespaceSelector: "all()", ports: ["http"] } }],
    },
  ];
  for (const { name, rule, expected } of rules) {
    it(`converts ${name}`, () => {
      const policy = converted({ egress: [rule] });
      assert.deepEqual(policy.spec.egress, expected);
      assert.equal(validate(policy).kind, "valid");
    });
  }

  it("is about ingress where the peers are sources", () => {
    const { spec } = converted({ ingress: [{ ...accept, protocols: [{ tcp: { destinationPort: { number: 80 } } }] }] });
    assert.deepEqual(
      [spec.ingress, spec.types],
      [
        [{ action: "Allow", protocol: "TCP", source: { namespaceSelector: "all()" }, destination: { ports: [80] } }],
        ["Ingress"],
      ],
    );
  });

  const unread: { name: string; rule: Members; expected: readonly Members[] | undefined }[] = [
    {
      name: "accepts nothing where it would accept peers of a later version",
      rule: { action: "Accept", to: [{ domainNames: ["example.org"] }] },
      expected: undefined,
    },
    {
      name: "denies everything where it would deny peers of a later version",
      rule: { action: "Deny", to: [{ services: {} }] },
      expected: [{ action: "Deny" }],
    },
    {
      name: "denies everything where it would hand on what cannot be read",
      rule: { action: "Pass", to: [anyone], protocols: [{ icmp: {} }] },
      expected: [{ action: "Deny" }],
    },
    {
      name: "denies everything for an action of a later version",
      rule: { action: "Log", to: [anyone] },
      expected: [{ action: "Deny" }],
    },
  ];
  for (const { name, rule, expected } of unread) {
    it(`${name}, and says so`, () => {
      const { metadata, spec } = converted({ egress: [rule] });
      assert.deepEqual(spec.egress, expected);
      assert.match(metadata.annotations?.[unreadRulesAnnotation] ?? "", /^spec\.egress\[0\]\./);
    });
  }

  it("names what is not enforced once, with its rule", () => {
    const { metadata } = converted({
      egress: [
        { name: "web", action: "Accept", to: [{ domainNames: ["example.org"] }] },
        { action: "Accept", to: [{ nodes: {} }], protocols: [{ destinationNamedPort: "http" }] },
      ],
    });
    assert.equal(
      metadata.annotations?.[unreadRulesAnnotation],
      'spec.egress[0].to[0].domainNames is not enforced: packets tell addresses, and no names of domains; write networks (rule "web"); ' +
        "spec.egress[1].protocols must not name ports where to has nodes, which have none with a name",
    );
  });

  it("keeps its other rules, in their places, beside one that cannot be read", () => {
    const { spec } = converted({
      egress: [
        { action: "Deny", to: [{ services: {} }] },
        { action: "Accept", to: [anyone] },
      ],
    });
    assert.deepEqual(
      spec.egress?.map(({ action }) => action),
      ["Deny", "Allow"],
    );
  });

  it("whose subject is of a later version is set aside, without a rule that allows", () => {
    const reading = clusterPolicySource.read(policyWith({ subject: { nodes: {} }, ingress: [accept] }));
    assert.ok(reading.type === "undecodable");
    assert.match(reading.reason, /spec\.subject/);
    assert.deepEqual((reading.partial as { spec: unknown }).spec, {
      tier: "kube-admin",
      order: 5,
      types: ["Ingress", "Egress"],
    });
  });

  it.each([{ action: "Deny" }, { action: "Pass" }, { action: "Later" }])(
    "whose subject is of a later version denies everything where it may have denied: $action",
    ({ action }) => {
      const rules = { ingress: [accept, { ...accept, action }], egress: [] };
      const reading = clusterPolicySource.read(policyWith({ subject: { nodes: {} }, ...rules }));
      assert.ok(reading.type === "undecodable");
      const { ingress, egress } = (reading.partial as { spec: Members }).spec;
      assert.deepEqual([ingress, egress], [[{ action: "Deny" }], undefined]);
    },
  );

  it("is found by the name of what it became, and of no other policy", () => {
    const locate = (name: string) => clusterPolicySource.locate({ kind: "GlobalNetworkPolicy", name });
    assert.deepEqual(locate("kcnp.kube-admin.guard"), [{ name: "guard" }]);
    assert.deepEqual(locate("guard"), []);
  });

  it("is not written", () => {
    const key = { kind: "GlobalNetworkPolicy", name: "kcnp.kube-admin.guard" } as const;
    assert.equal(clusterPolicySource.write({ op: "delete", key, revision: "1" }).type, "refused");
  });
});
