import assert from "node:assert/strict";
import { beforeEach, describe, it } from "vitest";
import type { ApiFailure } from "./apiFailure.ts";
import { retryDelayMsMax } from "./backoff.ts";
import { Reflector, type ReflectorAction, type ReflectorEvent, uninstalledAfterMs } from "./reflector.ts";

type Event = ReflectorEvent<string>;

function present(id: string, version: number): Event {
  return { type: "present", item: observed(id, version) };
}

function observed(id: string, version: number) {
  return { id, resourceVersion: `${version}`, object: `${id}@${version}` };
}

function initialEnd(version: number): Event {
  return { type: "bookmark", resourceVersion: `${version}`, endsInitialEvents: true };
}

function bookmark(version: number): Event {
  return { type: "bookmark", resourceVersion: `${version}`, endsInitialEvents: false };
}

function failed(
  code: ApiFailure["code"],
  options: { nowMs?: number; retryAfterMs?: number; status?: number; isBeginning?: true } = {},
): Event {
  const { nowMs = 0, ...rest } = options;
  return { type: "failed", failure: { code, reason: `because ${code}`, ...rest }, nowMs };
}

function page(items: readonly [string, number][], version: number, next?: string): Event {
  const observedItems = items.map(([id, itemVersion]) => observed(id, itemVersion));
  return { type: "page", items: observedItems, resourceVersion: `${version}`, ...(next && { continue: next }) };
}

/** As short as a row of a table can say it. */
function inShort(action: ReflectorAction<string>): string {
  switch (action.type) {
    case "changed":
      return `+${action.item.object}`;
    case "deleted":
      return `-${action.id}`;
    case "watch":
      return `watch from ${action.resourceVersion ?? "the beginning"}`;
    case "list":
      return action.continue === undefined ? "list" : `list ${action.continue}`;
    case "wait":
      return "wait";
    case "trouble":
      return action.trouble;
    default:
      return action.type;
  }
}

const started: Event = { type: "started" };
const ended: Event = { type: "ended" };
const waited: Event = { type: "waited" };
const opened: Event = { type: "opened" };
const settled: Event = { type: "settled" };
const checked = (version: number): Event => ({ type: "checked", resourceVersion: `${version}` });
const beginning = "watch from the beginning";

/** In sync with `a` and `b`, following from version 10. */
const following: readonly Event[] = [started, present("a", 3), present("b", 5), initialEnd(10)];

const rows: { name: string; events: readonly Event[]; said: readonly string[] }[] = [
  {
    name: "tells all that exists as it comes, then that it was all",
    events: following,
    said: [beginning, "+a@3", "+b@5", "inSync"],
  },
  {
    name: "lists in pages where the server cannot send what exists as events",
    events: [started, failed("INVALID"), page([["a", 3]], 10, "next"), page([["b", 5]], 10)],
    said: [beginning, "list", "+a@3", "list next", "+b@5", "inSync", "watch from 10"],
  },
  {
    name: "lists in pages where the server's etcd is too old for that",
    events: [
      started,
      failed("UNAVAILABLE", { status: 500 }),
      page([["a", 3]], 10),
      failed("UNAVAILABLE", { status: 500 }),
    ],
    said: [beginning, "list", "+a@3", "inSync", "watch from 10", "away", "wait"],
  },
  {
    name: "does as a busy server says, and tells that it is away only if it stays so",
    events: [
      started,
      ...Array.from({ length: 3 }, () => [failed("THROTTLED"), waited]).flat(),
      failed("THROTTLED"),
      waited,
      initialEnd(10),
    ],
    said: [
      ...Array.from({ length: 3 }, () => [beginning, "wait"]).flat(),
      ...[beginning, "away", "wait", beginning, "inSync", "back"],
    ],
  },
  {
    name: "is patient with a server that begins to serve a kind",
    events: [
      started,
      ...Array.from({ length: 6 }, () => [failed("THROTTLED", { isBeginning: true }), waited]).flat(),
      failed("THROTTLED", { isBeginning: true }),
    ],
    said: [...Array.from({ length: 6 }, () => [beginning, "wait"]).flat(), beginning, "away", "wait"],
  },
  {
    name: "takes up a stream that ended where its last bookmark stood",
    events: [...following, present("c", 12), bookmark(40), ended, checked(41), opened],
    said: [beginning, "+a@3", "+b@5", "inSync", "+c@12", "check", "watch from 40"],
  },
  {
    name: "tells of a lost connection, takes up the stream without listing, and deletes nothing",
    events: [...following, failed("UNAVAILABLE"), waited, failed("UNAVAILABLE"), waited, checked(10), opened],
    said: [beginning, "+a@3", "+b@5", "inSync", "away", "wait", "check", "wait", "check", "watch from 10", "back"],
  },
  {
    name: "is back when it told all up to where the server was, not before",
    events: [...following, failed("UNAVAILABLE"), waited, checked(13), opened, present("a", 12), present("b", 13)],
    said: [beginning, "+a@3", "+b@5", "inSync", "away", "wait", "check", "watch from 10", "+a@12", "+b@13", "back"],
  },
  {
    name: "is back after a while where nothing of its own changed",
    events: [...following, failed("UNAVAILABLE"), waited, checked(13), opened, settled, settled],
    said: [beginning, "+a@3", "+b@5", "inSync", "away", "wait", "check", "watch from 10", "back"],
  },
  {
    name: "is not back when its place turns out to be forgotten",
    events: [
      ...following,
      failed("UNAVAILABLE"),
      waited,
      checked(13),
      opened,
      failed("EXPIRED"),
      settled,
      initialEnd(14),
    ],
    said: [
      ...[beginning, "+a@3", "+b@5", "inSync", "away", "wait", "check", "watch from 10"],
      ...[beginning, "-a", "-b", "back", "compacted"],
    ],
  },
  {
    name: "reads everything anew when its place is forgotten, and tells differences, deletions first",
    events: [...following, failed("EXPIRED"), present("b", 5), present("c", 30), initialEnd(40)],
    said: [beginning, "+a@3", "+b@5", "inSync", beginning, "-a", "+c@30", "compacted"],
  },
  {
    name: "begins a listing anew whose next page is forgotten, and takes nothing back that it told",
    events: [
      started,
      failed("INVALID"),
      page([["a", 3]], 10, "next"),
      failed("EXPIRED"),
      page(
        [
          ["a", 3],
          ["b", 5],
        ],
        20,
      ),
    ],
    said: [beginning, "list", "+a@3", "list next", "list", "+b@5", "inSync", "watch from 20"],
  },
  {
    name: "reads everything anew from a server that is older than what it told",
    events: [...following, ended, checked(7), present("a", 2), initialEnd(7)],
    said: [beginning, "+a@3", "+b@5", "inSync", "check", beginning, "-b", "+a@2", "setBack"],
  },
  {
    name: "holds a kind that is not installed to be in sync and empty, and asks again",
    events: [started, failed("NOT_INSTALLED"), waited, present("a", 3), initialEnd(10)],
    said: [beginning, "inSync", "wait", beginning, "+a@3"],
  },
  {
    name: "does not take the word of a server that has just begun to deny a kind",
    events: [...following, failed("NOT_INSTALLED", { nowMs: 1_000 }), waited, checked(10), opened],
    said: [beginning, "+a@3", "+b@5", "inSync", "away", "wait", "check", "watch from 10", "back"],
  },
  {
    name: "takes it once the server has denied the kind for long",
    events: [
      ...following,
      failed("NOT_INSTALLED", { nowMs: 1_000 }),
      waited,
      failed("NOT_INSTALLED", { nowMs: 1_000 + uninstalledAfterMs }),
    ],
    said: [beginning, "+a@3", "+b@5", "inSync", "away", "wait", "check", "-a", "-b", "back", "wait"],
  },
  {
    name: "says once that a right is missing, and asks again",
    events: [started, failed("FORBIDDEN"), waited, failed("FORBIDDEN"), waited, initialEnd(10)],
    said: [beginning, "away", "wait", beginning, "wait", beginning, "inSync", "back"],
  },
  {
    name: "tells a version of an object once, whoever repeats it",
    events: [...following, present("a", 3), present("a", 11), present("a", 11)],
    said: [beginning, "+a@3", "+b@5", "inSync", "+a@11"],
  },
  {
    name: "tells a deletion once, and what comes after it anew",
    events: [
      ...following,
      { type: "removed", id: "a", resourceVersion: "11" },
      { type: "removed", id: "a", resourceVersion: "11" },
      present("a", 12),
    ],
    said: [beginning, "+a@3", "+b@5", "inSync", "-a", "+a@12"],
  },
  {
    name: "does not tell an object that went while everything was read anew",
    events: [
      ...following,
      failed("EXPIRED"),
      present("c", 30),
      { type: "removed", id: "c", resourceVersion: "31" },
      present("a", 3),
      present("b", 5),
      initialEnd(40),
    ],
    said: [beginning, "+a@3", "+b@5", "inSync", beginning, "compacted"],
  },
  {
    name: "reads everything anew when a listing contradicts it, and tells also what has the same version as before",
    events: [
      ...following,
      { type: "contradicted", trouble: "missed", reason: "" },
      present("a", 3),
      present("c", 8),
      initialEnd(40),
    ],
    said: [beginning, "+a@3", "+b@5", "inSync", beginning, "-b", "+a@3", "+c@8", "missed"],
  },
];

describe("Reflector", () => {
  let reflector: Reflector<string>;
  beforeEach(() => {
    reflector = new Reflector(() => 1);
  });

  for (const { name, events, said } of rows) {
    it(name, () => assert.deepEqual(events.flatMap((event) => reflector.handle(event)).map(inShort), said));
  }

  it("asks for one thing at a time", () => {
    for (const { events } of rows) {
      const one = new Reflector<string>(() => 0);
      for (const event of events) {
        const asked = one.handle(event).filter(({ type }) => ["list", "check", "watch", "wait"].includes(type));
        assert.ok(asked.length <= 1);
      }
    }
  });

  it("asks more and more seldom for a kind that is not installed, and at first again where it comes and goes", () => {
    const absent = new Reflector<string>(() => 0.5);
    absent.handle(started);
    const denials = () => Array.from({ length: 4 }, () => delayOf(absent.handle(failed("NOT_INSTALLED"))));
    assert.deepEqual(denials(), [30_000, 60_000, 120_000, 120_000]);
    for (const event of [waited, initialEnd(10)]) absent.handle(event);
    assert.equal(denials()[0], 30_000);
  });

  it("waits longer after each failure, up to a bound, and not less than the server asks for", () => {
    const delays = Array.from({ length: 12 }, () => delayOf(reflector.handle(failed("UNAVAILABLE"))));
    assert.deepEqual(delays.slice(0, 4), [100, 200, 400, 800]);
    assert.equal(delays.at(-1), retryDelayMsMax);
    assert.equal(delayOf(reflector.handle(failed("THROTTLED", { retryAfterMs: 60_000 }))), 60_000);
    assert.equal(delayOf(reflector.handle(failed("THROTTLED", { retryAfterMs: 2 ** 40 }))), 120_000);
  });
});

function delayOf(actions: readonly ReflectorAction<string>[]): number | undefined {
  return actions.flatMap((action) => (action.type === "wait" ? [action.delayMs] : []))[0];
}
