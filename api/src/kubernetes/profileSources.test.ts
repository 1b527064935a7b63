import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { namespaceSource, serviceAccountSource } from "./profileSources.ts";
import { givenByServer } from "./sampleServer.ts";

const uid = "88888888-4444-43cc-8422-aaaaaaaaaaaa"; // The object's, its bits turned around.

describe("profiles", () => {
  it("of a namespace allow everything, and give its labels to its pods", () => {
    const namespace = { metadata: { name: "prod", ...givenByServer, labels: { env: "live" } } };
    assert.deepEqual(namespaceSource.read(namespace), {
      type: "value",
      key: { kind: "Profile", name: "kns.prod" },
      value: {
        kind: "Profile",
        apiVersion: "projectcalico.org/v3",
        metadata: { name: "kns.prod", uid, creationTimestamp: givenByServer.creationTimestamp },
        spec: {
          ingress: [{ action: "Allow" }],
          egress: [{ action: "Allow" }],
          labelsToApply: { "pcns.env": "live", "pcns.projectcalico.org/name": "prod" },
        },
      },
    });
  });

  it("of a service account give its labels to its pods, and have no rules", () => {
    const account = { metadata: { name: "web.v1", namespace: "prod", ...givenByServer, labels: { team: "a" } } };
    assert.deepEqual(serviceAccountSource.read(account), {
      type: "value",
      key: { kind: "Profile", name: "ksa.prod.web.v1" },
      value: {
        kind: "Profile",
        apiVersion: "projectcalico.org/v3",
        metadata: { name: "ksa.prod.web.v1", uid, creationTimestamp: givenByServer.creationTimestamp },
        spec: { labelsToApply: { "pcsa.team": "a", "pcsa.projectcalico.org/name": "web.v1" } },
      },
    });
  });

  const rows = [
    { name: "kns.prod", namespaces: [{ name: "prod" }], accounts: [] },
    { name: "ksa.prod.web.v1", namespaces: [], accounts: [{ namespace: "prod", name: "web.v1" }] },
    { name: "ksa.prod", namespaces: [], accounts: [] },
    { name: "p1", namespaces: [], accounts: [] },
  ];
  for (const { name, namespaces, accounts } of rows) {
    it(`named ${name} are found where they are made from, if anywhere`, () => {
      assert.deepEqual(namespaceSource.locate({ kind: "Profile", name }), namespaces);
      assert.deepEqual(serviceAccountSource.locate({ kind: "Profile", name }), accounts);
    });
  }

  it("are not written", () => {
    const plan = namespaceSource.write({ op: "delete", key: { kind: "Profile", name: "kns.prod" }, revision: "1" });
    assert.equal(
      plan.type === "refused" && plan.reason,
      "Profile(kns.prod) is made from the Namespace of that name: change that, in namespaces",
    );
  });
});
