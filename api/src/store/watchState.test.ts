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
  {
    name: "a revision that has another value since the datastore was set back, anew",
    play: (state) => {
      state.onListing([entry("a", 4), entry("b", 5)], "5");
      state.forgetRevisions();
      state.onListing([entry("a", 4)], "4");
    },
    told: ["a@4", "b@5", "inSync", "-b", "a@4"],
  },
  {
    name: "a first listing page by page, and a later one whose first try came to nothing only when it is whole",
    play: (state) => {
      state.onPage([entry("a", 1)]);
      state.onPage([entry("b", 2)]);
      state.onListed("5");
      state.onPage([entry("a", 7)]);
      state.abandonListing();
      state.onPage([entry("b", 8)]);
      state.onListed("9");
    },
    told: ["a@1", "b@2", "inSync", "-a", "b@8"],
  },
];

describe("WatchState tells", () => {
  it("nothing of a later listing before it is whole, also of a kind of which there was nothing", () => {
    const { state, told } = watched();
    state.onListing([], "5");
    state.onPage([entry("a", 7)]);
    assert.deepEqual(told, ["inSync"]);
    state.onListed("9");
    assert.deepEqual(told, ["inSync", "a@7"]);
  });
  for (const { name, play, told: expected } of stories) {
    it(name, () => {
      const { state, told } = watched();
      play(state);
      assert.deepEqual(told, expected);
    });
  }
});

describe("WatchState says of a listing beside its changes what it was not told:", () => {
  const listing = [entry("a", 4), entry("b", 7), { key: "/calico/ipam/v2/host/foreign", revision: "8" }];
  const stories: { name: string; play: (state: WatchState) => void; untold: string[] }[] = [
    {
      name: "nothing where each change came",
      play: (state) => state.onChange(put("b", 7)),
      untold: [],
    },
    { name: "a change that did not come", play: () => {}, untold: ["b"] },
    {
      name: "nothing of what changed again, or went, since the listing",
      play: (state) => {
        state.onChange(put("a", 9));
        state.onChange(put("b", 7));
        state.onChange(gone("b", 10));
      },
      untold: [],
    },
    {
      name: "a key that came anew behind a deletion",
      play: (state) => {
        state.onChange(put("b", 5));
        state.onChange(gone("b", 6));
      },
      untold: ["b"],
    },
    {
      name: "a deletion that did not come, and none of what is newer than the listing",
      play: (state) => {
        for (const change of [put("b", 7), put("c", 6), put("d", 9)]) state.onChange(change);
      },
      untold: ["c"],
    },
  ];
  for (const { name, play, untold } of stories) {
    it(name, () => {
      const { state } = watched();
      state.onListing([entry("a", 4)], "4");
      state.beginCheck();
      play(state);
      const names = state.untold(listing, "8").map((key) => key.split("/")[5]);
      assert.deepEqual(names, untold);
    });
  }
});
