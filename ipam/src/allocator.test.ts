import {
  type IPAMBlock,
  type IPAMHandle,
  type IPPool,
  MemoryStore,
  type Store,
  type StoreError,
  type WorkloadEndpoint,
  type Write,
} from "@brindle/api";
import { formatAddress, formatPrefix, hostPrefix } from "@brindle/net";
import { describe, expect, it } from "vitest";
import { Allocator, type AssignOptions, type AssignResult, type ReleaseResult } from "./allocator.ts";
import { type ClusterView, defaultIpamSettings } from "./assign.ts";
import { audit } from "./audit.ts";
import { newBlock, take } from "./block.ts";
import { affinityKey, affinityWrite, blockKey, handleKey } from "./state.ts";
import { readClusterView } from "./view.ts";

const nowNs = 1_767_225_600_000_000_000n;

describe("assign", () => {
  it("gives one address of each family, with its handle, block and confirmed affinity", async () => {
    const { allocator, stored } = lab();
    expect(textOf(await allocator.assign(dual("net.a")))).toEqual(["10.0.0.0", "fd00::"]);
    const { blocks, handles, affinities } = await stored();
    expect(handles.get("net.a")).toEqual({ block: { "10.0.0.0/30": 1, "fd00::/126": 1 }, deleted: false });
    expect(blocks[0]?.attributes).toEqual([
      {
        handle_id: "net.a",
        secondary: { namespace: "prod", node: "node3", pod: "web", timestamp: "2026-01-01 00:00:00 +0000 UTC" },
      },
    ]);
    expect(affinities).toEqual({ "host:node3/10.0.0.0/30": "confirmed", "host:node3/fd00::/126": "confirmed" });
  });

  it("costs one round trip once the node owns a block", async () => {
    const { allocator, calls } = lab();
    await allocator.assign(dual("net.a"));
    calls.length = 0;
    await allocator.assign(dual("net.b"));
    expect(calls).toEqual(["commit"]);
  });

  it("gives the same addresses again, says that they are not new, and that they are held as of now", async () => {
    const { allocator } = lab();
    const first = await allocator.assign(dual("net.a"));
    const again = await allocator.assign(dual("net.a"));
    if (first.kind !== "assigned") throw new TypeError(first.kind);
    const addresses = first.addresses.map((held) => ({ ...held, sequenceNumber: held.sequenceNumber + 1n }));
    expect(again).toEqual({ ...first, addresses, isNew: false });
  });

  it("gives the same addresses again after a restart though their pool is gone by then", async () => {
    const { allocator, store, view } = lab();
    const first = await allocator.assign(dual("net.a"));
    const without = { ...view, pools: [] };
    const restarted = new Allocator({ node: "node3" }, { store, now: () => nowNs, view: () => without });
    expect(textOf(await restarted.assign(dual("net.a")))).toEqual(textOf(first));
    expect((await restarted.assign(dual("net.b"))).kind).toBe("noPool");
  });

  it("gives the same addresses again after a restart", async () => {
    const { allocator, store, view } = lab();
    const first = await allocator.assign(dual("net.a"));
    const restarted = new Allocator({ node: "node3" }, { store, now: () => nowNs, view: () => view });
    expect(textOf(await restarted.assign(dual("net.a")))).toEqual(textOf(first));
  });

  it("gives the address that was given when the answer was lost", async () => {
    const { allocator, store, findings, stored } = lab();
    store.loseReplies(1);
    await expect(allocator.assign(dual("net.a"))).rejects.toMatchObject({ failure: { code: "UNAVAILABLE" } });
    expect(await allocator.assign(dual("net.a"))).toMatchObject({ kind: "assigned", isNew: false });
    expect(await findings()).toEqual([]);
    expect((await stored()).blocks.flatMap(({ unallocated }) => unallocated)).toHaveLength(6);
  });

  it("does not believe its memory of an address that somebody else released", async () => {
    const { allocator, node, findings } = lab();
    await allocator.assign(v4("net.a"));
    await node("node4").release("net.a");
    expect(textOf(await allocator.assign(v4("net.a")))).toEqual(["10.0.0.1"]);
    expect(await findings()).toEqual([]);
  });

  it("gives the missing family to a handle that has the other", async () => {
    const { allocator, findings } = lab();
    await allocator.assign({ ...dual("net.a"), families: [6] });
    expect(textOf(await allocator.assign(dual("net.a")))).toEqual(["fd00::", "10.0.0.0"]);
    expect(await findings()).toEqual([]);
  });

  it("gives nothing when one family has nothing left", async () => {
    const { allocator, store } = lab({ pools: [pool("four", "10.0.0.0/28", 30), pool("six", "fd00::/128", 128)] });
    await allocator.assign(dual("net.a"));
    const before = store.data.dump();
    expect(await allocator.assign(dual("net.b"))).toEqual({
      kind: "poolExhausted",
      family: 6,
      pools: [{ pool: "six", addresses: 1n, inUse: 1n, resting: 0n, reserved: 0n }],
      limits: [],
    });
    expect(store.data.dump()).toEqual(before);
  });

  it("says why no pool serves", async () => {
    const { allocator } = lab({
      pools: [{ ...pool("four", "10.0.0.0/28", 30), spec: { cidr: "10.0.0.0/24", disabled: true } }],
    });
    const refused = [{ pool: "four", reason: "it is disabled" }];
    expect(await allocator.assign(dual("net.a"))).toEqual({ kind: "noPool", family: 4, refused });
  });

  it("claims another block when its own are full", async () => {
    const { allocator } = lab();
    const results = await Promise.all(["a", "b", "c", "d", "e"].map((name) => allocator.assign(v4(name))));
    expect(results.flatMap(textOf)).toEqual(["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]);
  });

  it("uses another node's block when no block is left, unless affinity is strict", async () => {
    const pools = [pool("four", "10.0.0.0/30", 30)];
    const { allocator, node, findings } = lab({ pools });
    await node("node4").assign(v4("other"));
    expect(textOf(await allocator.assign(v4("net.a")))).toEqual(["10.0.0.1"]);
    expect(await findings()).toEqual([]);
    const strict = { ...defaultIpamSettings, strictAffinity: true };
    expect(await node("node5", { settings: strict }).assign(v4("net.b"))).toMatchObject({
      kind: "poolExhausted",
      limits: ["strictAffinity keeps it from the blocks of other nodes"],
    });
  });

  it("claims no more blocks than a node may own", async () => {
    const { node } = lab();
    await node("node4").assign(v4("other")); // Neither this block counts, nor those of the other family.
    const limited = node("node3", { settings: { ...defaultIpamSettings, strictAffinity: true, blocksPerNodeMax: 1 } });
    const results = await Promise.all(["a", "b", "c", "d", "e"].map((name) => limited.assign(v4(name))));
    expect(results.map(({ kind }) => kind)).toEqual([...new Array<string>(4).fill("assigned"), "poolExhausted"]);
    expect(await limited.assign({ ...dual("f"), families: [6] })).toMatchObject({ kind: "assigned" });
  });

  it("makes room for somebody who was quicker, whose block it knew otherwise", async () => {
    const { allocator, node } = lab({ pools: [pool("four", "10.0.0.0/30", 30)] });
    await allocator.assign(v4("net.a"));
    await node("node4").assign(v4("net.b"));
    expect(textOf(await allocator.assign(v4("net.c")))).toEqual(["10.0.0.2"]);
  });

  it("writes what its caller adds in the same transaction, and tells it when that cannot be", async () => {
    const { allocator, store } = lab();
    const extraWrites: AssignOptions["extraWrites"] = (addresses) => [
      createEndpoint(addresses.map(({ address }) => formatPrefix(hostPrefix(address)))),
    ];
    await allocator.assign({ ...dual("net.a"), extraWrites });
    const before = store.data.dump();
    const second = await allocator.assign({ ...dual("net.b"), extraWrites });
    expect(second).toMatchObject({
      kind: "conflict",
      current: [{ value: { spec: { ipNetworks: ["10.0.0.0/32", "fd00::/128"] } } }],
    });
    expect(store.data.dump()).toEqual(before);
  });

  it("passes over its own block when that is not sound, and over what does not decode", async () => {
    const broken = { ...newBlock("10.0.0.0/30", "node3", nowNs), unallocated: [0, 0, 1, 2] };
    const { allocator, store } = lab();
    await store.commit([{ op: "create", key: blockKey("10.0.0.0/30"), value: broken }]);
    store.data.writeText("/calico/ipam/v2/assignment/ipv4/block/10.0.0.4-30", "nonsense");
    expect(textOf(await allocator.assign(v4("net.a")))).toEqual(["10.0.0.8"]);
  });

  it("lets those who wait share the failure of the one who asked, so that none waits for many deadlines", async () => {
    const { allocator, store, calls } = lab();
    store.disconnect("etcd is stopped");
    const asked = ["a", "b", "c"].map((name) => allocator.assign(v4(name)));
    const failed = await Promise.allSettled(asked);
    expect(failed.map((result) => (result.status === "rejected" ? failureOf(result.reason) : ""))).toEqual(
      new Array<string>(3).fill("UNAVAILABLE"),
    );
    expect(calls).toHaveLength(1);
    store.reconnect();
    expect(textOf(await allocator.assign(v4("a")))).toEqual(["10.0.0.0"]);
  });
});

describe("states that a Calico node left half way", () => {
  const block = newBlock("10.0.0.0/30", "node3", nowNs);
  const claim = (state: "pending" | "pendingDeletion" | "confirmed", cidr: string = block.cidr): Write =>
    affinityWrite(null, affinityKey("node3", cidr), state);
  const stored = (value: IPAMBlock): Write => ({ op: "create", key: blockKey(value.cidr), value });
  const leaked = (cidr: string): Write => ({
    op: "create",
    key: handleKey("net.a"),
    value: { block: { [cidr]: 2 }, deleted: false },
  });
  const cases: { name: string; writes: Write[]; address: string; affinities?: Record<string, string> }[] = [
    {
      name: "takes a block that it had claimed but not made",
      writes: [claim("pending", "10.0.0.12/30")],
      address: "10.0.0.12",
      affinities: { "host:node3/10.0.0.12/30": "confirmed" },
    },
    { name: "confirms a block that it had made", writes: [claim("pending"), stored(block)], address: "10.0.0.0" },
    {
      name: "keeps a block that was about to go",
      writes: [claim("pendingDeletion"), stored(block)],
      address: "10.0.0.0",
    },
    { name: "claims a block whose affinity is missing", writes: [stored(block)], address: "10.0.0.0" },
    { name: "repairs a handle whose block was never written", writes: [leaked("10.0.0.8/30")], address: "10.0.0.0" },
    {
      name: "repairs a handle that counts too much",
      writes: [claim("confirmed"), stored(block), leaked(block.cidr)],
      address: "10.0.0.0",
    },
  ];
  for (const { name, writes, address, affinities } of cases) {
    it(name, async () => {
      const { allocator, store, ...after } = lab();
      await store.commit(writes);
      expect(textOf(await allocator.assign(v4("net.a")))).toEqual([address]);
      expect((await after.stored()).affinities).toEqual(affinities ?? { "host:node3/10.0.0.0/30": "confirmed" });
      expect(await after.findings()).toEqual([]);
    });
  }

  it("drops its claim to a block that another node has made", async () => {
    const { allocator, store, ...after } = lab();
    await store.commit([claim("pending"), stored(newBlock("10.0.0.0/30", "node4", nowNs))]);
    expect(textOf(await allocator.assign(dual("net.a")))).toEqual(["10.0.0.4", "fd00::"]);
    expect((await after.stored()).affinities).toEqual({
      "host:node3/10.0.0.4/30": "confirmed",
      "host:node3/fd00::/126": "confirmed",
    });
  });

  it("takes over a block without a node before it borrows", async () => {
    const { allocator, store, ...after } = lab({ pools: [pool("four", "10.0.0.0/30", 30)] });
    await store.commit([stored(withoutNode(block))]);
    expect(textOf(await allocator.assign(v4("net.a")))).toEqual(["10.0.0.0"]);
    expect((await after.stored()).blocks).toMatchObject([{ affinity: "host:node3" }]);
  });
});

describe("release", () => {
  it("gives all back, deletes the handle and keeps the empty block", async () => {
    const { allocator, stored } = lab();
    await allocator.assign(dual("net.a"));
    expect(textOf(await allocator.release("net.a"))).toEqual(["10.0.0.0", "fd00::"]);
    const { blocks, handles } = await stored();
    expect(handles.size).toBe(0);
    expect(blocks.map(({ unallocated }) => unallocated)).toEqual([
      [1, 2, 3, 0],
      [1, 2, 3, 0],
    ]);
  });

  it("does nothing the second time", async () => {
    const { allocator, store } = lab();
    await allocator.assign(dual("net.a"));
    await allocator.release("net.a");
    const before = store.data.dump();
    expect(await allocator.release("net.a")).toEqual({ kind: "released", addresses: [] });
    expect(store.data.dump()).toEqual(before);
  });

  it("succeeds the second time when the first answer was lost", async () => {
    const { allocator, store, findings, stored } = lab();
    await allocator.assign(dual("net.a"));
    store.loseReplies(1);
    await expect(allocator.release("net.a")).rejects.toMatchObject({ failure: { code: "UNAVAILABLE" } });
    expect(await allocator.release("net.a")).toMatchObject({ kind: "released" });
    expect((await stored()).handles.size).toBe(0);
    expect(await findings()).toEqual([]);
  });

  it("deletes a handle whose block holds nothing of it, and one whose block is gone", async () => {
    const { allocator, store, stored } = lab();
    await allocator.assign(v4("net.x"));
    const block = { "10.0.0.0/30": 1, "10.0.0.12/30": 1 };
    await store.commit([{ op: "create", key: handleKey("net.a"), value: { block, deleted: false } }]);
    await allocator.release("net.a");
    expect([...(await stored()).handles.keys()]).toEqual(["net.x"]);
  });

  it("keeps an address that the same handle was given again since", async () => {
    const { allocator, findings, stored } = lab();
    const first = await allocator.assign(v4("net.a"));
    const sequenceNumbers = new Map(
      first.kind === "assigned"
        ? first.addresses.map((held) => [formatAddress(held.address), held.sequenceNumber])
        : [],
    );
    await allocator.release("net.a");
    for (const name of ["b", "c", "d", "net.a"]) await allocator.assign(v4(name));
    expect(await allocator.release("net.a", { sequenceNumbers })).toEqual({ kind: "released", addresses: [] });
    expect((await stored()).handles.has("net.a")).toBe(true);
    expect(await findings()).toEqual([]);
  });

  it("deletes its caller's object in the same transaction, or releases nothing", async () => {
    const { allocator, store } = lab();
    await allocator.assign(v4("net.a"));
    const key = { kind: "WorkloadEndpoint", namespace: "prod", name: "node3-k8s-web-eth0" } as const;
    const before = store.data.dump();
    const missing: Write = { op: "delete", key, revision: "77" };
    expect(await allocator.release("net.a", { extraWrites: [missing] })).toMatchObject({ kind: "conflict" });
    expect(store.data.dump()).toEqual(before);
  });

  it("deletes a block that no node owns with its last address", async () => {
    const { allocator, store, stored } = lab();
    const taken = take(
      withoutNode(newBlock("10.0.0.0/30", "x", nowNs)),
      { handleId: "net.a", attributes: {} },
      () => false,
    );
    if (!taken) throw new Error("a new block has addresses");
    const handle: IPAMHandle = { block: { "10.0.0.0/30": 1 }, deleted: false };
    await store.commit([
      { op: "create", key: blockKey("10.0.0.0/30"), value: taken.block },
      { op: "create", key: handleKey("net.a"), value: handle },
    ]);
    expect(textOf(await allocator.release("net.a"))).toEqual(["10.0.0.0"]);
    expect((await stored()).blocks).toEqual([]);
  });

  it("takes several transactions for a handle with more blocks than one can hold", async () => {
    const { allocator, store, calls, stored } = lab();
    const block = Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`10.1.${i}.0/30`, 1]));
    await store.commit([{ op: "create", key: handleKey("net.a"), value: { block, deleted: false } }]);
    expect(await allocator.release("net.a")).toMatchObject({ kind: "released" });
    expect((await stored()).handles.size).toBe(0);
    expect(calls.filter((call) => call === "commit")).toHaveLength(3);
  });

  const unsound: { name: string; block: Partial<IPAMBlock>; problem: string }[] = [
    {
      name: "does not add up",
      block: { unallocated: [1, 2, 2] },
      problem: "ordinal 2 is twice in the list of free ones",
    },
    { name: "is being deleted", block: { deleted: true }, problem: "it is being deleted" },
    {
      name: "says that it is another",
      block: { cidr: "10.0.0.4/30" },
      problem: "it is stored as the block 10.0.0.0/30",
    },
  ];
  for (const { name, block, problem } of unsound) {
    it(`refuses to write to a block that ${name}`, async () => {
      const { allocator, store } = lab();
      await allocator.assign(v4("net.a"));
      const item = await store.get(blockKey("10.0.0.0/30"));
      if (!item) throw new Error("the block exists");
      const value = { ...item.value, ...block };
      await store.commit([{ op: "update", key: item.key, revision: item.revision, value }]);
      expect(await allocator.release("net.a")).toEqual({
        kind: "invalidBlock",
        block: "10.0.0.0/30",
        problems: [problem],
      });
    });
  }
});

describe("the address of a node's tunnel", () => {
  const tunnel: AssignOptions = {
    handleId: "vxlan-tunnel-addr-node3",
    attributes: { type: "vxlanTunnelAddress" },
    families: [4],
    use: "Tunnel",
  };
  const forTunnels = pool("tunnels", "10.9.0.0/28", 30);

  it("is of a pool for tunnels, which pods get none of, and the same each time", async () => {
    const pools = [{ ...forTunnels, spec: { ...forTunnels.spec, allowedUses: ["Tunnel"] as const } }];
    const { allocator, stored, findings } = lab({ pools });
    const [address] = textOf(await allocator.assign(tunnel));
    expect(address).toMatch(/^10\.9\.0\./);
    expect(textOf(await allocator.assign(tunnel))).toEqual([address]);
    expect((await allocator.assign(v4("net.a"))).kind).toBe("noPool");
    const { blocks } = await stored();
    expect(blocks[0]?.attributes[0]?.secondary).toMatchObject({ node: "node3", type: "vxlanTunnelAddress" });
    expect(await findings()).toEqual([]);
  });

  it("is of a pool that says nothing, too, and of none for pods alone", async () => {
    expect((await lab({ pools: [forTunnels] }).allocator.assign(tunnel)).kind).toBe("assigned");
    const pools = [{ ...forTunnels, spec: { ...forTunnels.spec, allowedUses: ["Workload"] as const } }];
    expect((await lab({ pools }).allocator.assign(tunnel)).kind).toBe("noPool");
  });
});

describe("readClusterView", () => {
  it("leaves out pools that are stored and not acted on", async () => {
    const store = new MemoryStore();
    const plain = pool("plain", "10.0.0.0/24", 26);
    const tunnelled = pool("tunnelled", "10.1.0.0/24", 26);
    await store.commit([
      { op: "create", key: { kind: "IPPool", name: "plain" }, value: plain },
      {
        op: "create",
        key: { kind: "IPPool", name: "tunnelled" },
        value: { ...tunnelled, spec: { ...tunnelled.spec, vxlanMode: "Always" } },
      },
    ]);
    const { pools } = await readClusterView(store, "node3");
    expect(pools.map(({ metadata }) => metadata.name)).toEqual(["plain"]);
  });
});

interface Lab {
  readonly store: MemoryStore;
  readonly view: ClusterView;
  /** The node whose first block is a pool's first. */
  readonly allocator: Allocator;
  /** What `allocator` asked the store, in order. */
  readonly calls: string[];
  node(name: string, view?: Partial<ClusterView>): Allocator;
  stored(): Promise<{ blocks: IPAMBlock[]; handles: Map<string, IPAMHandle>; affinities: Record<string, string> }>;
  findings(): Promise<unknown[]>;
}

function lab(options: Partial<ClusterView> = {}): Lab {
  const store = new MemoryStore();
  const pools = [pool("four", "10.0.0.0/28", 30), pool("six", "fd00::/124", 126)];
  const view: ClusterView = { pools, nodeLabels: {}, reserved: [], settings: defaultIpamSettings, ...options };
  const calls: string[] = [];
  const counted: Pick<Store, "get" | "list" | "commit" | "transactions"> = {
    transactions: store.transactions,
    get(key) {
      calls.push("get");
      return store.get(key);
    },
    list(kind, scope) {
      calls.push("list");
      return store.list(kind, scope);
    },
    commit(writes) {
      calls.push("commit");
      return store.commit(writes);
    },
  };
  const now = (): bigint => nowNs;
  const stored: Lab["stored"] = async () => {
    const [blocks, handles, affinities] = await Promise.all([
      store.list("IPAMBlock"),
      store.list("IPAMHandle"),
      store.list("BlockAffinity"),
    ]);
    return {
      blocks: blocks.items.map(({ value }) => value),
      handles: new Map(handles.items.map(({ key, value }) => [key.name, value])),
      affinities: Object.fromEntries(affinities.items.map(({ key, value }) => [key.name, value.state])),
    };
  };
  return {
    store,
    view,
    calls,
    stored,
    allocator: new Allocator({ node: "node3" }, { store: counted, now, view: () => view }),
    node: (name, more = {}) => new Allocator({ node: name }, { store, now, view: () => ({ ...view, ...more }) }),
    findings: async () => {
      const { blocks, handles } = await stored();
      return audit(blocks, handles);
    },
  };
}

function dual(handleId: string): AssignOptions {
  return { handleId, attributes: { pod: "web", namespace: "prod" }, families: [4, 6] };
}

function v4(handleId: string): AssignOptions {
  return { ...dual(handleId), families: [4] };
}

function textOf(result: AssignResult | ReleaseResult): string[] {
  if (!("addresses" in result)) throw new Error(`it is ${result.kind}`);
  return result.addresses.map(({ address }) => formatAddress(address));
}

function withoutNode({ affinity, affinity_claim_time, ...block }: IPAMBlock): IPAMBlock {
  return block;
}

function failureOf(error: unknown): string {
  return (error as StoreError).failure.code;
}

function createEndpoint(ipNetworks: string[]): Write {
  const spec = { orchestrator: "k8s", node: "node3", endpoint: "eth0", ipNetworks };
  const metadata = { name: "node3-k8s-web-eth0", namespace: "prod" };
  const value: WorkloadEndpoint = { apiVersion: "projectcalico.org/v3", kind: "WorkloadEndpoint", metadata, spec };
  return { op: "create", key: { kind: "WorkloadEndpoint", ...metadata }, value };
}

function pool(name: string, cidr: string, blockSize: number): IPPool {
  return { apiVersion: "projectcalico.org/v3", kind: "IPPool", metadata: { name }, spec: { cidr, blockSize } };
}
