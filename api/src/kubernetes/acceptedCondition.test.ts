import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { acceptedConditionRequest, conditionedResources } from "./acceptedCondition.ts";
import { crdResource } from "./crdForm.ts";
import type { ApiObject, ApiRequest } from "./source.ts";

const resource = crdResource("GlobalNetworkPolicy", "v3");
const now = new Date("2026-01-02T03:04:05.678Z");
const earlier = "2025-12-31T00:00:00Z";

function policy(selector: string, more: { metadata?: object; status?: object } = {}): ApiObject {
  return {
    apiVersion: "projectcalico.org/v3",
    kind: "GlobalNetworkPolicy",
    metadata: { name: "web", uid: "u", resourceVersion: "7", generation: 3, ...more.metadata },
    spec: { selector, types: ["Ingress"] },
    ...(more.status && { status: more.status }),
  };
}

function conditionsIn(request: ApiRequest | null): Record<string, unknown>[] {
  return request ? JSON.parse(request.body).status.conditions : [];
}

/** As it is once the request was done. */
function withConditions(object: ApiObject, conditions: readonly object[], metadata: object = {}): ApiObject {
  return { ...object, metadata: { ...object.metadata, ...metadata }, status: { conditions } };
}

describe("the condition Accepted", () => {
  it("is written with the reason, for the version that was judged", () => {
    const request = acceptedConditionRequest(resource, policy("a == "), now);
    assert.equal(request?.method, "PATCH");
    assert.equal(request?.path, "/apis/projectcalico.org/v3/globalnetworkpolicies/web/status");
    assert.deepEqual(JSON.parse(request.body).metadata, { resourceVersion: "7" });
    const [condition] = conditionsIn(request);
    assert.partialDeepStrictEqual(condition, {
      type: "Accepted",
      status: "False",
      reason: "Invalid",
      observedGeneration: 3,
      lastTransitionTime: "2026-01-02T03:04:05Z",
    });
    assert.match(`${condition?.message}`, /^spec\.selector/);
  });

  it.each(["all()", "a == "])("is not written again where it says already what it should (%s)", (selector) => {
    const object = policy(selector);
    const conditions = conditionsIn(acceptedConditionRequest(resource, object, now));
    assert.equal(conditions.length, 1);
    assert.equal(acceptedConditionRequest(resource, withConditions(object, conditions), new Date()), null);
  });

  it("leaves the conditions of others, and the time of a status that stays", () => {
    const other = { type: "Programmed", status: "True" };
    const own = { type: "Accepted", status: "True", reason: "Valid", message: "", lastTransitionTime: earlier };
    const conditions = conditionsIn(
      acceptedConditionRequest(resource, withConditions(policy("all()"), [own, other]), now),
    );
    assert.deepEqual(conditions[0], other);
    assert.partialDeepStrictEqual(conditions[1], { status: "True", lastTransitionTime: earlier });
  });

  it("has another time when its status changes", () => {
    const own = { type: "Accepted", status: "False", reason: "Invalid", message: "", lastTransitionTime: earlier };
    const [condition] = conditionsIn(acceptedConditionRequest(resource, withConditions(policy("all()"), [own]), now));
    assert.partialDeepStrictEqual(condition, { status: "True", lastTransitionTime: "2026-01-02T03:04:05Z" });
  });

  it("is not written for what is about to be gone", () => {
    const object = policy("a == ", { metadata: { deletionTimestamp: earlier } });
    assert.equal(acceptedConditionRequest(resource, object, now), null);
  });

  it("is for what people write, and not for what address management keeps", () => {
    const plurals = conditionedResources.map(({ plural }) => plural);
    assert.ok(plurals.includes("ippools") && plurals.includes("fabricpeers"));
    assert.deepEqual(
      plurals.filter((plural) => ["ipamblocks", "blockaffinities", "ipamhandles", "nodes"].includes(plural)),
      [],
    );
  });
});
