import assert from "node:assert/strict";
import { describe, it } from "vitest";
import type { Members } from "./apiObject.ts";
import { networkPolicySource } from "./networkPolicySource.ts";
import { givenByServer } from "./sampleServer.ts";
import type { ApiObject } from "./source.ts";

const key = { kind: "NetworkPolicy", namespace: "prod", name: "knp.default.web" } as const;

/** As an entry of a listing, which does not say what it is. */
function policyWith(spec: Members): ApiObject {
  return { metadata: { name: "web", namespace: "prod", ...givenByServer }, spec };
}

describe("a NetworkPolicy of Kubernetes", () => {
  it("is one of Calico's, at order 1000, made from it and as old", () => {
    const reading = networkPolicySource.read(
      policyWith({ podSelector: { matchLabels: { app: "web" } }, policyTypes: ["Ingress"] }),
    );
    assert.ok(reading.type === "value");
    assert.deepEqual(reading.key, key);
    assert.deepEqual(reading.value.metadata, {
      namespace: "prod",
      name: key.name,
      uid: "88888888-4444-43cc-8422-aaaaaaaaaaaa",
      creationTimestamp: givenByServer.creationTimestamp,
    });
    assert.equal(reading.value.spec.order, 1000);
    assert.equal(reading.value.spec.selector, "projectcalico.org/orchestrator == 'k8s' && app == 'web'");
  });

  const closed = [
    {
      name: "whom it selects",
      podSelector: { matchLabels: { app: "web" } },
      selector: "projectcalico.org/orchestrator == 'k8s' && app == 'web'",
    },
    {
      name: "every pod, where it cannot be read whom it selects",
      podSelector: { ofTomorrow: 1 },
      selector: "projectcalico.org/orchestrator == 'k8s'",
    },
  ];
  for (const { name, podSelector, selector } of closed) {
    it(`that cannot be read is set aside as a policy without rules for ${name}`, () => {
      const reading = networkPolicySource.read(policyWith({ podSelector, ingress: [{ from: [{ ofTomorrow: {} }] }] }));
      assert.ok(reading.type === "undecodable");
      assert.deepEqual(reading.key, key);
      assert.match(reading.reason, /ofTomorrow/);
      assert.deepEqual((reading.partial as { spec: unknown }).spec, { order: 1000, selector, types: ["Ingress"] });
    });
  }

  it("is found by the name of what it became, and of no other policy", () => {
    assert.deepEqual(networkPolicySource.locate(key), [{ namespace: "prod", name: "web" }]);
    assert.deepEqual(networkPolicySource.locate({ ...key, name: "web" }), []);
    assert.deepEqual(networkPolicySource.narrow({ namespace: "prod" }), { namespace: "prod" });
  });
});
