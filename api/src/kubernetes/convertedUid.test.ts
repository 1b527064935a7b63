import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { convertedUid } from "./convertedUid.ts";

describe("convertedUid", () => {
  it("turns the bits of each byte around, but of version and variant", () => {
    assert.equal(convertedUid("01020304-0506-4007-8009-0a0b0c0d0e0f"), "8040c020-a060-40e0-8090-50d030b070f0");
  });
  it("gives the first again when it is asked twice", () => {
    const uid = "dfc07698-6de9-4714-8bc6-d9faeced21b8";
    assert.notEqual(convertedUid(uid), uid);
    assert.equal(convertedUid(convertedUid(uid)), uid);
  });
  it("leaves alone what is no UID", () => {
    assert.equal(convertedUid("not-a-uid"), "not-a-uid");
    assert.equal(convertedUid(undefined), undefined);
  });
});
