import assert from "node:assert/strict";
import type { SecretReference } from "@brindle/api";
import { describe, it } from "vitest";
import { passwordOf, type SecretState, secretNames } from "./passwords.ts";

const reference: SecretReference = { secretKeyRef: { name: "bgp", key: "tor" } };
const optional: SecretReference = { secretKeyRef: { name: "bgp", key: "tor", optional: true } };
const secret = "s3cret-of-the-tor";

function holding(value: string | Uint8Array, key = "tor"): SecretState {
  return { kind: "present", entries: new Map([[key, typeof value === "string" ? Buffer.from(value) : value]]) };
}

const rows: { name: string; reference?: SecretReference; state: SecretState; is: RegExp }[] = [
  { name: "that of the entry", state: holding(secret), is: /^known$/ },
  {
    name: "missing while the Secret is asked for",
    state: { kind: "waiting" },
    is: /^waiting: Secret bgp is not read yet$/,
  },
  { name: "missing without the Secret", state: { kind: "absent" }, is: /^there is no Secret bgp$/ },
  { name: "missing without the entry", state: holding(secret, "other"), is: /^Secret bgp has no entry tor$/ },
  {
    name: "missing where the Secret may not be read",
    state: { kind: "unread", reason: "a role with the verb list on secrets is missing" },
    is: /^Secret bgp cannot be read: a role with the verb list on secrets is missing$/,
  },
  { name: "none where the Secret may be missing and is", reference: optional, state: { kind: "absent" }, is: /^none$/ },
  { name: "none where the entry may be missing and is", reference: optional, state: holding("x", "b"), is: /^none$/ },
  {
    name: "missing where it may be missing and nobody knows",
    reference: optional,
    state: { kind: "unread", reason: "no answer" },
    is: /^Secret bgp cannot be read/,
  },
  { name: "missing where it is empty", state: holding(""), is: /is empty$/ },
  { name: "missing where it ends with a line break", state: holding(`${secret}\n`), is: /ends with a line break/ },
  { name: "the longest that TCP takes", state: holding("é".repeat(40)), is: /^known$/ },
  {
    name: "missing where it is longer",
    state: holding(`${"é".repeat(40)}x`),
    is: /has 81 bytes, and TCP takes 80 at most/,
  },
  { name: "missing where it is no text", state: holding(Uint8Array.of(0xff, 0xfe)), is: /is no text$/ },
  { name: "missing where the reference is empty", reference: {}, state: holding(secret), is: /names no Secret/ },
];

describe("the password of a session is", () => {
  for (const { name, reference: asked = reference, state, is } of rows) {
    it(name, () => {
      const password = passwordOf(asked, () => state);
      if (password.kind !== "missing") assert.match(password.kind, is);
      else assert.match(`${password.isWaiting ? "waiting: " : ""}${password.reason}`, is);
      assert(password.kind !== "missing" || !password.reason.includes(secret));
    });
  }

  it("none without a reference, whatever the Secrets are", () => {
    assert.deepEqual(
      passwordOf(undefined, () => assert.fail()),
      { kind: "none" },
    );
  });
});

describe("the Secrets that are read", () => {
  it("are those that somebody names, each once", () => {
    const names = secretNames([reference, undefined, {}, optional, { secretKeyRef: { name: "mesh", key: "a" } }]);
    assert.deepEqual([...names], ["bgp", "mesh"]);
  });
});
