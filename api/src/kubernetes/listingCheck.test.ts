import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { ListingCheck } from "./listingCheck.ts";

type Versions = Readonly<Record<string, number>>;

interface Row {
  readonly name: string;
  /** What was told before the listing was asked for. */
  readonly told: Versions;
  readonly listed: Versions;
  /** At which version it is listed; 100 unless told. */
  readonly listedAt?: number;
  /** What was told between the listing and the look at it; 0 is a deletion, at the version of the listing. */
  readonly since?: Versions;
  readonly said: string | null;
}

const rows: readonly Row[] = [
  { name: "finds nothing where all is as it was told", told: { a: 3, b: 5 }, listed: { a: 3, b: 5 }, said: null },
  { name: "finds a change that was never told", told: { a: 3 }, listed: { a: 7 }, said: "missed a" },
  { name: "finds an object that was never told", told: { a: 3 }, listed: { a: 3, b: 5 }, said: "missed b" },
  { name: "finds a deletion that was never told", told: { a: 3, b: 5 }, listed: { a: 3 }, said: "missed b" },
  { name: "takes what is told a little later for told", told: { a: 3 }, listed: { a: 7 }, since: { a: 7 }, said: null },
  {
    name: "takes what is made a little later for told",
    told: {},
    listed: { a: 7 },
    since: { a: 7 },
    said: null,
  },
  {
    name: "lets change after the listing what may",
    told: { a: 3, b: 5, c: 6 },
    listed: { a: 3, b: 5, c: 6 },
    since: { a: 101, b: 0, d: 103 },
    said: null,
  },
  {
    name: "lets be deleted what the listing still has in a later version",
    told: { a: 3 },
    listed: { a: 7 },
    since: { a: 0 },
    said: null,
  },
  {
    name: "lets be made anew what was deleted before the listing",
    told: { a: 3 },
    listed: {},
    since: { a: 104 },
    said: null,
  },
  {
    name: "knows another history by a version that it never had",
    told: { a: 50, b: 60 },
    listed: { a: 20 },
    said: "setBack a b",
  },
  { name: "takes a version later than the listing for a change", told: { a: 120 }, listed: { a: 20 }, said: null },
  { name: "compares versions as numbers, not as text", told: { a: 9 }, listed: { a: 10 }, said: "missed a" },
];

describe("a listing beside the stream", () => {
  it.each(rows)("$name", ({ told, listed, listedAt = 100, since = {}, said }) => {
    const versions = new Map(entriesOf(told));
    const check = new ListingCheck(versions);
    for (const [id, resourceVersion] of entriesOf(listed)) check.onPage([{ id, resourceVersion, object: null }]);
    for (const [id, version] of entriesOf(since)) {
      if (version !== "0") versions.set(id, version);
      else if (versions.delete(id)) check.onDeleted(id, `${listedAt}`);
    }
    const found = check.contradiction(`${listedAt}`);
    assert.equal(found && [found.trouble, ...found.ids].join(" "), said);
  });

  it("believes a deletion only if it is later than what is listed", () => {
    const versions = new Map([["a", "3"]]);
    const check = new ListingCheck(versions);
    check.onPage([{ id: "a", resourceVersion: "7", object: null }]);
    versions.delete("a");
    check.onDeleted("a", "5");
    assert.deepEqual(check.contradiction("100"), { trouble: "missed", ids: ["a"] });
  });
});

function entriesOf(versions: Versions): [string, string][] {
  return Object.entries(versions).map(([id, version]) => [id, `${version}`]);
}
