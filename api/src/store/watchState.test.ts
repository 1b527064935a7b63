import assert from "node:assert/strict";
import { describe, it } from "vitest";
import type { Entry } from "./codec.ts";
import { etcdKey } from "./etcdKeys.ts";
import type { WatchEvent } from "./store.ts";
import { type Change, WatchState } from "./watchState.ts";

function entry(name: string, revision: number): Entry {
  const text = JSON.stringify({ state: "confirmed", deleted: false });
  return {
    key: etcdKey({ kind: "BlockAffinity", name: `host:${name}/10.0.0.0/26` }),
    text,
    revision: String(revision),
  };
}

const put = (name: string, revision: number): Change => ({ type: "put", entry: entry(name, revision) });
const gone = (name: string, revision: number): Change => ({
  type: "delete",
  key: entry(name, 0).key,
  revision: String(revision),
});

function watched(): { state: WatchState; told: string[] } {
  const told: string[] = [];
  const state = new WatchState("BlockAffinity", (event: WatchEvent) => {
    if (event.type === "changed") told.push(`${event.item.key.name.slice(5, 6)}@${event.item.revision}`);
    else if (event.type === "deleted") told.push(`-${event.key.name.slice(5, 6)}`);
    else told.push(event.type);
  });
  return { state, told };
}

const stories: { name: string; play: (state: WatchState) => void; told: string[] }[] = [
  {
    name: "a listing, then what came after it",
    play: (state) => {
      state.onListing([entry("a", 3)], "5");
      state.onChange(put("a", 6));
      state.onChange(put("b", 6));
    },
    told: ["a@3", "inSync", "a@6", "b@6"],
  },
  {
    name: "a second listing only by its differences, deletions first, and in sync once",
    play: (state) => {
      state.onListing([entry("a", 1), entry("b", 2), entry("c", 3)], "5");
      state.onListing([entry("a", 1), entry("c", 7), entry("d", 8)], "9");
    },
    told: ["a@1", "b@2", "c@3", "inSync", "-b", "c@7", "d@8"],
  },
  {
    name: "a change that the listing has told already, not again",
    play: (state) => {
      state.onListing([entry("a", 4)], "5");
      state.onChange(put("a", 4));
      state.onChange(put("a", 3));
    },
    told: ["a@4", "inSync"],
  },
  {
    name: "a late change to what a listing proved gone, not at all",
    play: (state) => {
      state.onListing([entry("a", 4)], "5");
      state.onListing([], "9");
      state.onChange(put("a", 7));
      state.onChange(gone("a", 8));
    },
    told: ["a@4", "inSync", "-a"],
  },
  {
    name: "a deletion of what was never told, not at all",
    play: (state) => {
      state.onListing([], "5");
      state.onChange(gone("a", 6));
      state.onChange(put("a", 7));
      state.onChange(gone("a", 8));
      state.onChange(gone("a", 8));
    },
    told: ["inSync", "a@7", "-a"],
  },
  {
    name: "a datastore that was set back to an older revision, as it is now",
    play: (state) => {
      state.onListing([entry("a", 100), entry("b", 90)], "100");
      state.onListing([entry("a", 50)], "60");
      state.onChange(put("a", 61));
    },
    told: ["a@100", "b@90", "inSync", "-b", "a@50", "a@61"],
  },
];

describe("WatchState tells", () => {
  for (const { name, play, told: expected } of stories) {
    it(name, () => {
      const { state, told } = watched();
      play(state);
      assert.deepEqual(told, expected);
    });
  }
});
