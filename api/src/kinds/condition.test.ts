import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { conditionMessageMax, conditionOf } from "./condition.ts";

/** As a Kubernetes API server tells it. */
function pool(spec: object): object {
  return {
    apiVersion: "projectcalico.org/v3",
    kind: "IPPool",
    metadata: {
      name: "a",
      uid: "6a1c",
      generation: 2,
      resourceVersion: "77",
      creationTimestamp: "2026-11-20T12:00:00Z",
      generateName: "a",
      deletionTimestamp: "2026-11-20T12:00:00Z",
      deletionGracePeriodSeconds: 0,
      finalizers: ["example.org/wait"],
      ownerReferences: [{ kind: "Cluster", name: "c" }],
      managedFields: [{ manager: "kubectl", fieldsV1: { "f:spec": {} } }],
    },
    spec,
    status: { conditions: [] },
  };
}

const judgements: {
  name: string;
  /** In place of a pool. */
  of?: object;
  spec: object;
  expected: { status: string; reason: string };
  message: RegExp;
}[] = [
  {
    name: "a resource of which all is acted on is accepted",
    spec: { cidr: "10.0.0.0/16" },
    expected: { status: "True", reason: "Valid" },
    message: /^all of it is acted on$/,
  },
  {
    name: "one with a field that nobody misses is accepted, and the field named",
    of: { kind: "IPAMConfiguration", metadata: { name: "default" } },
    spec: { kubeVirtVMAddressPersistence: "Enabled" },
    expected: { status: "True", reason: "ValidWithWarnings" },
    message: /^spec\.kubeVirtVMAddressPersistence: "Enabled" is stored, /,
  },
  {
    name: "one that is withheld is not",
    spec: { cidr: "10.0.0.0/16", vxlanMode: "Always" },
    expected: { status: "False", reason: "NotActedOn" },
    message: /^spec\.vxlanMode: .* the pool gives no addresses/,
  },
  {
    name: "one that is wrong is not, and all that is wrong named",
    spec: { cidr: "10.0.0.1/16", natOutgoing: "yes" },
    expected: { status: "False", reason: "Invalid" },
    message: /^spec\.cidr: .* host bits.*; spec\.natOutgoing: /,
  },
];

describe("conditionOf", () => {
  it.each(judgements)("$name", ({ of, spec, expected, message }) => {
    const { type, message: said, ...rest } = conditionOf({ ...pool(spec), ...of });
    assert.equal(type, "Accepted");
    assert.deepEqual(rest, expected);
    assert.match(said, message);
  });

  it("says no more than a condition may hold", () => {
    const { message } = conditionOf(pool({ cidr: "10.0.0.0/16", [`x${"y".repeat(2 * conditionMessageMax)}`]: 1 }));
    assert.equal(message.length, conditionMessageMax);
    assert.match(message, /\.\.\.$/);
  });
});
