import assert from "node:assert/strict";
import type { ApiObject, ApiRequest } from "@brindle/api";
import { beforeEach, describe, it } from "vitest";
import { Candidate, leaseSeconds } from "./candidate.ts";

const at = { namespace: "kube-system", name: "brindle-controllers" };
const path = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";

function lease(spec: object, version = 1): ApiObject {
  return { metadata: { ...at, resourceVersion: `${version}` }, spec: { leaseDurationSeconds: leaseSeconds, ...spec } };
}

/** The same instant for the clock on the wall, moved or not. */
function now(seconds: number, shownAs = seconds): { ms: number; date: Date } {
  return { ms: seconds * 1_000, date: new Date(Date.UTC(2026, 0, 1, 0, 0, shownAs)) };
}

function specIn(request: ApiRequest | null): unknown {
  return request && JSON.parse(request.body).spec;
}

describe("a candidate", () => {
  let candidate: Candidate;
  beforeEach(() => {
    candidate = new Candidate({ identity: "me", lease: at });
  });

  it("makes the lease where there is none", () => {
    const request = candidate.claim(null, now(7));
    assert.deepEqual([request?.method, request?.path], ["POST", path]);
    assert.deepEqual(specIn(request), {
      holderIdentity: "me",
      renewTime: "2026-01-01T00:00:07.000000Z",
      leaseDurationSeconds: leaseSeconds,
      acquireTime: "2026-01-01T00:00:07.000000Z",
      leaseTransitions: 0,
    });
  });

  it("renews its own, in the version that it read, and leads since when it did", () => {
    const own = { holderIdentity: "me", acquireTime: "2026-01-01T00:00:00.000000Z", leaseTransitions: 4 };
    const request = candidate.claim(lease(own, 33), now(9));
    assert.deepEqual([request?.method, request?.path], ["PUT", `${path}/brindle-controllers`]);
    assert.equal(JSON.parse(request?.body ?? "").metadata.resourceVersion, "33");
    assert.deepEqual(specIn(request), {
      ...own,
      leaseDurationSeconds: leaseSeconds,
      renewTime: "2026-01-01T00:00:09.000000Z",
    });
  });

  it("leaves a lease alone that another one renews, however old its times look", () => {
    for (let version = 1; version < 10; version++) {
      const other = { holderIdentity: "other", renewTime: "2000-01-01T00:00:00.000000Z" };
      assert.equal(candidate.claim(lease(other, version), now(version * (leaseSeconds - 1))), null);
    }
  });

  it("takes a lease that did not change for as long as it lasts, not a moment sooner", () => {
    const other = lease({ holderIdentity: "other", leaseTransitions: 2 });
    assert.equal(candidate.claim(other, now(100)), null);
    assert.equal(candidate.claim(other, now(100 + leaseSeconds - 1)), null);
    const request = candidate.claim(other, now(100 + leaseSeconds));
    assert.partialDeepStrictEqual(specIn(request), { holderIdentity: "me", leaseTransitions: 3 });
  });

  it("believes the clock that nobody sets, not the one on the wall", () => {
    const other = lease({ holderIdentity: "other" });
    assert.equal(candidate.claim(other, now(1)), null);
    assert.equal(candidate.claim(other, now(2, 3_600)), null);
  });

  it("takes at once what was given back, and gives back only its own", () => {
    const own = lease({ holderIdentity: "me" });
    const released = candidate.release(own);
    assert.deepEqual(specIn(released), { leaseDurationSeconds: leaseSeconds });
    assert.ok(new Candidate({ identity: "other", lease: at }).claim(lease({ holderIdentity: "" }), now(0)));
    assert.equal(candidate.release(lease({ holderIdentity: "other" })), null);
    assert.equal(candidate.release(null), null);
  });
});
