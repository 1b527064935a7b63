import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { type Decoded, decodeValue, encodeValue } from "./codec.ts";
import type { Kind } from "./store.ts";

const decoded: { name: string; kind: Kind; text: string; value: unknown }[] = [
  {
    name: "an affinity of the time before there were states",
    kind: "BlockAffinity",
    text: "",
    value: { state: "confirmed", deleted: false },
  },
  {
    name: "an affinity whose flag is text",
    kind: "BlockAffinity",
    text: '{"state":"","deleted":"true"}',
    value: { state: "confirmed", deleted: true },
  },
  {
    name: "a block without an owner, with lists that Go never filled and fields of other releases",
    kind: "IPAMBlock",
    text: '{"cidr":"10.0.0.0/31","affinity":null,"allocations":[null,0],"unallocated":null,"attributes":[{"handle_id":null,"releasedAt":"t"}],"sequenceNumber":5,"deleted":false,"hostAffinity":"n"}',
    value: {
      cidr: "10.0.0.0/31",
      allocations: [null, 0],
      unallocated: [],
      attributes: [{ releasedAt: "t" }],
      sequenceNumber: 5n,
      deleted: false,
      hostAffinity: "n",
    },
  },
  { name: "an empty handle", kind: "IPAMHandle", text: "{}", value: { block: {}, deleted: false } },
  {
    name: "a resource with the nulls that Go writes",
    kind: "Profile",
    text: '{"kind":"Profile","apiVersion":"projectcalico.org/v3","metadata":{"name":"p","creationTimestamp":null}}',
    value: { kind: "Profile", apiVersion: "projectcalico.org/v3", metadata: { name: "p" }, spec: {} },
  },
];

const undecodable: { name: string; kind: Kind; text: string; reason: RegExp }[] = [
  { name: "no JSON", kind: "Node", text: "{", reason: /^is no JSON: / },
  { name: "an empty node", kind: "Node", text: "", reason: /^is no JSON: / },
  { name: "a number too great", kind: "Node", text: '{"a":1e999}', reason: /out of range/ },
  { name: "another kind", kind: "Node", text: '{"kind":"IPPool"}', reason: /^kind: "IPPool" is not Node/ },
  { name: "a block of text", kind: "IPAMBlock", text: '"x"', reason: /expected object/ },
  {
    name: "a block whose ordinals are text",
    kind: "IPAMBlock",
    text: '{"allocations":["0"]}',
    reason: /allocations\[0\]/,
  },
];

describe("decodeValue", () => {
  for (const { name, kind, text, value } of decoded) {
    it(`reads ${name}`, () => assert.deepEqual(decodeValue(kind, text), { kind: "value", value }));
  }
  for (const { name, kind, text, reason } of undecodable) {
    it(`says why it cannot read ${name}`, () => {
      const result: Decoded<Kind> = decodeValue(kind, text);
      assert.ok(result.kind === "undecodable");
      assert.match(result.reason, reason);
    });
  }

  it("hands on what it could parse of what it cannot read, for whoever must close what that selects", () => {
    const stored = { kind: "GlobalNetworkPolicy", spec: { selector: "app == 'web'", order: "first" } };
    const result: Decoded<Kind> = decodeValue("GlobalNetworkPolicy", JSON.stringify(stored));
    assert.ok(result.kind === "undecodable");
    assert.deepEqual(result.partial, stored);
    assert.equal("partial" in decodeValue("GlobalNetworkPolicy", "{"), false);
  });
});

describe("encodeValue", () => {
  it("stores no resourceVersion, and members in the order that Calico stores them in", () => {
    const profile = {
      metadata: { resourceVersion: "7", creationTimestamp: "2026-01-01T00:00:00Z", uid: "u", name: "p" },
      spec: {},
      apiVersion: "projectcalico.org/v3",
      kind: "Profile",
    } as const;
    assert.equal(
      encodeValue({ kind: "Profile", name: "p" }, profile),
      '{"kind":"Profile","apiVersion":"projectcalico.org/v3","metadata":{"name":"p","uid":"u","creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{}}',
    );
  });
});
