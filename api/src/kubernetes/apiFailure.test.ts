import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { type ApiFailure, apiFailureOf } from "./apiFailure.ts";
import { storeErrorOf } from "./storeFailure.ts";

const request = { verb: "list", resource: "ippools.projectcalico.org" } as const;

function status(reason: string, details: object = {}, message = "said so"): string {
  return JSON.stringify({ kind: "Status", reason, message, details });
}

const rows: { name: string; status: number; body: string; code: ApiFailure["code"]; store: string }[] = [
  { name: "a version that is forgotten", status: 410, body: status("Expired"), code: "EXPIRED", store: "COMPACTED" },
  {
    name: "an object that is missing",
    status: 404,
    body: status("NotFound", { name: "pool-a", kind: "ippools" }),
    code: "NOT_FOUND",
    store: "REFUSED",
  },
  {
    name: "a group that the server does not know",
    status: 404,
    body: "404 page not found\n",
    code: "NOT_INSTALLED",
    store: "REFUSED",
  },
  {
    name: "a kind that the server does not know",
    status: 404,
    body: status("NotFound"),
    code: "NOT_INSTALLED",
    store: "REFUSED",
  },
  {
    name: "what exists already",
    status: 409,
    body: status("AlreadyExists", { name: "a" }),
    code: "ALREADY_EXISTS",
    store: "REFUSED",
  },
  { name: "an old version", status: 409, body: status("Conflict", { name: "a" }), code: "CONFLICT", store: "REFUSED" },
  { name: "an expired token", status: 401, body: status("Unauthorized"), code: "UNAUTHORIZED", store: "UNAUTHORIZED" },
  { name: "a missing right", status: 403, body: status("Forbidden"), code: "FORBIDDEN", store: "UNAUTHORIZED" },
  { name: "an object that breaks a rule", status: 422, body: status("Invalid"), code: "INVALID", store: "REFUSED" },
  { name: "too many requests", status: 429, body: status("TooManyRequests"), code: "THROTTLED", store: "UNAVAILABLE" },
  { name: "a server that is starting", status: 503, body: "not ready", code: "UNAVAILABLE", store: "UNAVAILABLE" },
  { name: "a gateway's page", status: 502, body: "<html>", code: "UNAVAILABLE", store: "UNAVAILABLE" },
];

describe("apiFailureOf", () => {
  for (const { name, body, code, store, ...answer } of rows) {
    it(`knows ${name}`, () => {
      const failure = apiFailureOf(request, { ...answer, body });
      assert.equal(failure.code, code);
      assert.equal(storeErrorOf(failure).failure.code, store);
    });
  }

  it("names the verb and the resource of a right that is missing", () => {
    const { reason } = apiFailureOf(request, { status: 403, body: status("Forbidden", {}, "jane may not") });
    assert.equal(reason, "a role with the verb list on ippools.projectcalico.org is missing: jane may not");
  });

  it("tells a missing namespace from a missing object", () => {
    const body = status("NotFound", { name: "prod", kind: "namespaces" });
    assert.equal(apiFailureOf(request, { status: 404, body }).missing, "namespaces");
  });

  it("reads when to come again from the header, or from the answer", () => {
    const body = status("TooManyRequests", { retryAfterSeconds: 7 });
    assert.equal(apiFailureOf(request, { status: 429, body, retryAfter: "3" }).retryAfterMs, 3_000);
    assert.equal(apiFailureOf(request, { status: 429, body }).retryAfterMs, 7_000);
  });

  it("does not wait as long as it is told for a kind that the server begins to serve", () => {
    const answer = (seconds: number) => {
      const body = status("TooManyRequests", { retryAfterSeconds: seconds }, "storage is (re)initializing");
      const { retryAfterMs, isBeginning } = apiFailureOf(request, { status: 429, body, retryAfter: `${seconds}` });
      return { retryAfterMs, isBeginning };
    };
    assert.deepEqual(answer(1), { retryAfterMs: undefined, isBeginning: true });
    // The longer its datastore is away, the more it asks for, and has a reason to.
    assert.deepEqual(answer(5), { retryAfterMs: 5_000, isBeginning: undefined });
  });
});
