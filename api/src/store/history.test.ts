import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { setBackReason } from "./history.ts";

const before = { clusterId: "1", raftTerm: "4", revision: "100" };

describe("a datastore was set back", () => {
  const table = [
    { name: "not where nothing happened", now: before, reason: null },
    {
      name: "not where it went on, and elected anew",
      now: { ...before, raftTerm: "5", revision: "101" },
      reason: null,
    },
    {
      name: "where revisions are smaller, also by their length",
      now: { ...before, revision: "99" },
      reason: /from 100 to 99/,
    },
    { name: "where another cluster answers", now: { ...before, clusterId: "2" }, reason: /another cluster/ },
    {
      name: "where elections began anew, though revisions have passed the old ones",
      now: { clusterId: "1", raftTerm: "2", revision: "200" },
      reason: /elections are counted anew, 2 after 4/,
    },
  ];
  for (const { name, now, reason } of table) {
    it(name, () => {
      const told = setBackReason(before, now);
      if (reason) assert.match(told ?? "", reason);
      else assert.equal(told, null);
    });
  }
});
