import { setImmediate as nextTurn } from "node:timers/promises";
import { type IPPool, MemoryStore, type Profile, type StoreError, type Write } from "@brindle/api";
import { formatAddress } from "@brindle/net";
import { describe, expect, it } from "vitest";
import { Allocator, type AssignResult } from "./allocator.ts";
import { type ClusterView, defaultIpamSettings } from "./assign.ts";
import { audit } from "./audit.ts";

const pool: IPPool = {
  apiVersion: "projectcalico.org/v3",
  kind: "IPPool",
  metadata: { name: "v4" },
  spec: { cidr: "10.0.0.0/24", blockSize: 29 },
};
const view: ClusterView = { pools: [pool], nodeLabels: {}, reserved: [], settings: defaultIpamSettings };

/** What a caller may write beside addresses. */
const profile: Profile = {
  apiVersion: "projectcalico.org/v3",
  kind: "Profile",
  metadata: { name: "" },
  spec: {},
};
/** etcd's own limit. */
const operationsMax = 128;

describe("requests that come at once", () => {
  it("go to the datastore together, and each has an address of its own", async () => {
    const { allocator, commits, findings } = lab();
    const results = await Promise.all(handles(20).map((handleId) => allocator.assign(request(handleId))));
    expect(new Set(results.map(textOf)).size).toBe(20);
    // The first makes a block of eight; the others wait for it, and those for whom there is no room claim one each.
    expect(commits.length).toBeLessThan(8);
    expect(await findings()).toEqual([]);
    commits.length = 0;
    await Promise.all(handles(20).map((handleId) => allocator.release(handleId)));
    expect(commits.length).toBeLessThan(3);
    expect(await findings()).toEqual([]);
  });

  it("go in one transaction where all are waited for that come in the same turn", async () => {
    const { allocator, commits, findings } = lab({ ...pool, spec: { cidr: "10.0.0.0/24", blockSize: 26 } }, nextTurn);
    await allocator.assign(request("warm"));
    commits.length = 0;
    const worker = async (handleId: string): Promise<void> => {
      await allocator.assign(request(handleId));
      await allocator.release(handleId);
    };
    await Promise.all(handles(8).map(worker));
    expect(commits.length).toBe(2);
    expect(await findings()).toEqual([]);
  });

  it("are each decided alone where another node was quicker", async () => {
    const { allocator, store, commits, findings } = lab();
    await allocator.assign(request("warm"));
    const other = new Allocator({ node: "node4" }, { store, now: () => 1n, view: () => view });
    await other.release("warm");
    commits.length = 0;
    const results = await Promise.all(handles(5).map((handleId) => allocator.assign(request(handleId))));
    expect(new Set(results.map(textOf)).size).toBe(5);
    expect(await findings()).toEqual([]);
  });

  it("do not hold up each other: one that is refused is refused alone", async () => {
    const { allocator } = lab();
    await allocator.assign(request("warm"));
    const [first, none, last] = await Promise.all([
      allocator.assign(request("a")),
      allocator.assign({ ...request("b"), families: [6] }),
      allocator.assign(request("c")),
    ]);
    expect([first.kind, none.kind, last.kind]).toEqual(["assigned", "noPool", "assigned"]);
  });

  it("leave nothing of one whose own writes cannot be made, and give the others theirs", async () => {
    const { allocator, store, findings } = lab();
    await allocator.assign(request("warm"));
    const key = { kind: "Profile", name: "kept" } as const;
    const value = {
      apiVersion: "projectcalico.org/v3",
      kind: "Profile",
      metadata: { name: "kept" },
      spec: {},
    } as const;
    await store.commit([{ op: "create", key, value }]);
    const extraWrites = (): Write[] => [{ op: "create", key, value }];
    const [first, taken] = await Promise.all([
      allocator.assign(request("a")),
      allocator.assign({ ...request("b"), extraWrites }),
      allocator.assign(request("c")),
    ]);
    expect([first.kind, taken.kind]).toEqual(["assigned", "conflict"]);
    expect(await store.get({ kind: "IPAMHandle", name: "b" })).toBeNull();
    expect(await findings()).toEqual([]);
  });

  it("do not fail with one that the datastore refuses, or that has no words for what it writes", async () => {
    const { allocator, findings } = lab();
    await allocator.assign(request("warm"));
    const key = { kind: "Profile", name: "no/name" } as const;
    const value = { ...profile, metadata: { name: "no/name" } };
    const results = await Promise.allSettled([
      allocator.assign(request("a")),
      allocator.assign({ ...request("b"), extraWrites: () => [{ op: "create", key, value }] }),
      allocator.assign(request("c")),
      allocator.assign({
        ...request("d"),
        extraWrites: () => {
          throw new TypeError("not so");
        },
      }),
      allocator.assign(request("e")),
    ]);
    const reasons = results.map((result) => (result.status === "rejected" ? String(result.reason) : result.value.kind));
    expect(reasons).toEqual([
      "assigned",
      expect.stringMatching(/is no name under which it can be stored/),
      "assigned",
      "TypeError: not so",
      "assigned",
    ]);
    expect(await findings()).toEqual([]);
  });

  it("of one handle are done in the order in which they came", async () => {
    const { allocator, store, findings } = lab();
    await allocator.assign(request("warm"));
    const twice = await Promise.all([allocator.assign(request("a")), allocator.assign(request("a"))]);
    expect(textOf(twice[1])).toBe(textOf(twice[0]));
    expect(twice.map((result) => result.kind === "assigned" && result.isNew)).toEqual([true, false]);

    // What was released already has no handle to release: it must not be done behind what comes after it.
    await allocator.release("a");
    await Promise.all([allocator.assign(request("x")), allocator.release("a"), allocator.assign(request("a"))]);
    expect(await store.get({ kind: "IPAMHandle", name: "a" })).not.toBeNull();
    await Promise.all([allocator.assign(request("y")), allocator.assign(request("a")), allocator.release("a")]);
    expect(await store.get({ kind: "IPAMHandle", name: "a" })).toBeNull();
    await Promise.all([allocator.release("x"), allocator.assign(request("x")), allocator.release("x")]);
    expect(await store.get({ kind: "IPAMHandle", name: "x" })).toBeNull();
    expect(await findings()).toEqual([]);
  });

  it("keep what a newer one writes where an older one was to delete it", async () => {
    const { allocator, store } = lab();
    const key = { kind: "Profile", name: "pod" } as const;
    const write = (op: "create"): Write[] => [{ op, key, value: { ...profile, metadata: { name: "pod" } } }];
    await allocator.assign({ ...request("old"), extraWrites: () => write("create") });
    const revision = (await store.get(key))?.revision ?? "";
    const newer = { ...profile, metadata: { name: "pod" }, spec: { labelsToApply: { container: "new" } } };
    const [, assigned, released] = await Promise.all([
      allocator.assign(request("x")),
      allocator.assign({ ...request("new"), extraWrites: () => [{ op: "update", key, value: newer, revision }] }),
      allocator.release("old", { extraWrites: [{ op: "delete", key, revision }] }),
    ]);
    expect([assigned.kind, released.kind]).toEqual(["assigned", "conflict"]);
    expect((await store.get(key))?.value).toEqual(newer);
  });

  it("fit into etcd's transactions, however many they are", async () => {
    const { allocator, commits, findings } = lab({ ...pool, spec: { cidr: "10.0.0.0/20", blockSize: 23 } });
    const all = handles(400);
    const extraWrites = (handleId: string) => (): Write[] => {
      const name = handleId.replace("net.", "");
      return [{ op: "create", key: { kind: "Profile", name }, value: { ...profile, metadata: { name } } }];
    };
    const results = await Promise.all(
      all.map((handleId) => allocator.assign({ ...request(handleId), extraWrites: extraWrites(handleId) })),
    );
    expect(new Set(results.map(textOf)).size).toBe(400);
    expect(Math.max(...commits.map((writes) => writes.length))).toBeLessThanOrEqual(operationsMax);
    expect(commits.length).toBeLessThan(30);
    expect(await findings()).toEqual([]);
  });

  it("go together though their handles are there already, once a conflict has told of them", async () => {
    const { allocator, store, commits } = lab();
    await allocator.assign(request("warm"));
    const other = new Allocator({ node: "node3" }, { store, now: () => 1n, view: () => view });
    for (const handleId of handles(4)) await other.assign(request(handleId));
    commits.length = 0;
    const results = await Promise.all([request("new"), ...handles(4).map(request)].map((one) => allocator.assign(one)));
    expect(results.map((result) => result.kind === "assigned" && result.isNew)).toEqual([
      true,
      ...Array(4).fill(false),
    ]);
    // The first conflict of those that wait tells what handles there are: two for the first, two for one alone, one for all others.
    expect(commits.length).toBeLessThanOrEqual(6);
  });

  it("share the failure of a datastore that is away", async () => {
    const { allocator, store } = lab();
    await allocator.assign(request("warm"));
    store.loseReplies(1);
    const results = await Promise.allSettled(handles(6).map((handleId) => allocator.assign(request(handleId))));
    expect(results.filter(({ status }) => status === "rejected").length).toBeGreaterThan(0);
    for (const result of results) {
      if (result.status === "rejected") expect((result.reason as StoreError).failure.code).toBe("UNAVAILABLE");
    }
  });
});

function handles(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `net.pod${index}`);
}

function request(handleId: string) {
  return { handleId, attributes: {}, families: [4 as const] };
}

function textOf(result: AssignResult): string {
  return result.kind === "assigned"
    ? result.addresses.map(({ address }) => formatAddress(address)).join()
    : result.kind;
}

function lab(given: IPPool = pool, gathering?: () => Promise<void>) {
  const store = new MemoryStore();
  const commits: (readonly Write[])[] = [];
  const counted = {
    transactions: store.transactions,
    get: store.get.bind(store),
    list: store.list.bind(store),
    commit: (writes: readonly Write[]) => {
      commits.push(writes);
      return store.commit(writes);
    },
  };
  const allocator = new Allocator(
    { node: "node3" },
    { store: counted, now: () => 1n, view: () => ({ ...view, pools: [given] }), ...(gathering && { gathering }) },
  );
  const findings = async () => {
    const [blocks, all] = await Promise.all([store.list("IPAMBlock"), store.list("IPAMHandle")]);
    const handles = new Map(all.items.map(({ key, value }) => [key.name, value]));
    return audit(
      blocks.items.map(({ value }) => value),
      handles,
    );
  };
  return { allocator, store, commits, findings };
}
