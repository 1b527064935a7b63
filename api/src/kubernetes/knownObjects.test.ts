import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { KnownObjects, type Observed } from "./knownObjects.ts";

function object(resourceVersion: string): Observed<null> {
  return { id: "prod/web", resourceVersion, object: null };
}

describe("a snapshot after the first", () => {
  it("tells an object as it was seen last, and not at all where that was told before", () => {
    const known = new KnownObjects<null>();
    known.beginSnapshot();
    known.present(object("5"));
    known.endSnapshot();
    known.beginSnapshot();
    const early = [...known.present(object("7")), ...known.present(object("5"))];
    assert.deepEqual([...early, ...known.endSnapshot()], []);
  });
});

describe("a check that ends when the next one has begun", () => {
  it("leaves the next one what is deleted meanwhile", () => {
    const known = new KnownObjects<null>();
    known.present(object("5"));
    const former = known.beginCheck();
    const next = known.beginCheck();
    known.endCheck(former);
    known.removed("prod/web", "8");
    next.onPage([object("5")]);
    assert.equal(next.contradiction("7"), null);
  });
});
