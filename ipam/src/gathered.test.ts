import { type IPPool, MemoryStore, type StoreError, type Write } from "@brindle/api";
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

function lab() {
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
  const allocator = new Allocator({ node: "node3" }, { store: counted, now: () => 1n, view: () => view });
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
