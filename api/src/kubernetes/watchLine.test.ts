import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { groupsOf, pageOf, streamEventOf } from "./watchLine.ts";

const reader = {
  request: { verb: "watch", resource: "pods" } as const,
  trim: (_object: unknown, { name }: { name: string }) => name,
};

function line(type: string, object: unknown): string {
  return JSON.stringify({ type, object });
}

const web = { metadata: { namespace: "prod", name: "web", resourceVersion: "7" } };

const rows: { name: string; line: string; event: object }[] = [
  {
    name: "a new object",
    line: line("ADDED", web),
    event: { type: "present", item: { id: "prod/web", resourceVersion: "7", object: "web" } },
  },
  {
    name: "a changed object",
    line: line("MODIFIED", web),
    event: { type: "present", item: { id: "prod/web", resourceVersion: "7", object: "web" } },
  },
  {
    name: "a deleted object",
    line: line("DELETED", web),
    event: { type: "removed", id: "prod/web", resourceVersion: "7" },
  },
  {
    name: "a bookmark",
    line: line("BOOKMARK", { metadata: { resourceVersion: "9" } }),
    event: { type: "bookmark", resourceVersion: "9", endsInitialEvents: false },
  },
  {
    name: "the end of what existed",
    line: line("BOOKMARK", {
      metadata: { resourceVersion: "9", annotations: { "k8s.io/initial-events-end": "true" } },
    }),
    event: { type: "bookmark", resourceVersion: "9", endsInitialEvents: true },
  },
];

const broken: { name: string; line: string; code: string }[] = [
  { name: "a version that is forgotten", line: line("ERROR", { code: 410, reason: "Expired" }), code: "EXPIRED" },
  { name: "an error of the server", line: line("ERROR", { code: 500 }), code: "UNAVAILABLE" },
  { name: "half a line", line: line("ADDED", web).slice(0, 30), code: "UNAVAILABLE" },
  { name: "an object without a version", line: line("ADDED", { metadata: { name: "x" } }), code: "UNAVAILABLE" },
  { name: "an event of no known type", line: line("MOVED", web), code: "UNAVAILABLE" },
];

describe("streamEventOf", () => {
  for (const { name, line, event } of rows) {
    it(`reads ${name}`, () => assert.deepEqual(streamEventOf(line, reader), event));
  }

  for (const { name, line, code } of broken) {
    it(`ends at ${name}`, () => {
      const event = streamEventOf(line, reader);
      assert.equal(event.type === "broken" && event.failure.code, code);
    });
  }
});

describe("pageOf and groupsOf", () => {
  it("read a page that another follows, and the last", () => {
    const list = { metadata: { resourceVersion: "9", continue: "next" }, items: [web] };
    const items = [{ id: "prod/web", resourceVersion: "7", object: "web" }];
    assert.deepEqual(pageOf(JSON.stringify(list), reader.trim), { items, resourceVersion: "9", continue: "next" });
    const last = { metadata: { resourceVersion: "9" }, items: null };
    assert.deepEqual(pageOf(JSON.stringify(last), reader.trim), { items: [], resourceVersion: "9" });
    assert.equal(pageOf("<html>", reader.trim), null);
  });

  it("read the names of the groups", () => {
    assert.deepEqual(groupsOf('{"groups":[{"name":"apps"},{"name":"projectcalico.org"},{}]}'), [
      "apps",
      "projectcalico.org",
    ]);
    assert.deepEqual(groupsOf("{}"), []);
  });
});
