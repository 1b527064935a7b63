/** Addresses of a node's own ranges alone, as where Kubernetes gives each node a podCIDR. */
import { type IPPool, MemoryStore } from "@brindle/api";
import { containsAddress, formatAddress, formatPrefix, type Prefix, parseAddress, parsePrefix } from "@brindle/net";
import { describe, expect, it } from "vitest";
import { Allocator, type AssignResult } from "./allocator.ts";
import { type AssignRequest, type ClusterView, defaultIpamSettings } from "./assign.ts";
import { audit } from "./audit.ts";

const range = prefix("10.244.3.0/24");
const nowNs = 1_767_225_600_000_000_000n;

describe("a node with a range of its own", () => {
  it("gives all of it and nothing else, whatever the pool has left, and says so when it is full", async () => {
    const { ask, blocks, findings } = lab();
    const given = new Set<string>();
    for (let i = 0; i < 256; i++) given.add(textOf(await ask(`net.${i}`)));
    expect(given.size).toBe(256);
    expect([...given].every((text) => containsAddress(range, address(text)))).toBe(true);
    expect(await blocks()).toEqual(["10.244.3.0/26", "10.244.3.128/26", "10.244.3.192/26", "10.244.3.64/26"]);
    expect(await ask("net.more")).toEqual({
      kind: "poolExhausted",
      family: 4,
      pools: [{ pool: "10.244.3.0/24 of pods", addresses: 256n, inUse: 256n, resting: 0n, reserved: 0n }],
      limits: [],
    });
    expect(await findings()).toEqual([]);
  });

  it("uses as many blocks as lie in it, whatever limit other nodes have", async () => {
    const settings = { ...defaultIpamSettings, blocksPerNodeMax: 1, autoAllocateBlocks: false };
    const { ask, blocks } = lab({ settings });
    for (let i = 0; i < 65; i++) textOf(await ask(`net.${i}`));
    expect(await blocks()).toHaveLength(2);
  });

  it("leaves alone the blocks that it has elsewhere, and gives back what is in them", async () => {
    const { ask, blocks, allocator } = lab();
    const elsewhere = textOf(await ask("net.old", { within: [prefix("10.244.9.0/24")] }));
    expect(textOf(await ask("net.new"))).toMatch(/^10\.244\.3\./);
    expect(textOf(await ask("net.old"))).toBe(elsewhere);
    await allocator.release("net.old");
    expect(textOf(await ask("net.other"))).toMatch(/^10\.244\.3\./);
    expect(await blocks()).toHaveLength(2);
  });

  it("goes on in the blocks of the node that had the range before it, with what that has left", async () => {
    const { ask, node, findings } = lab();
    for (let i = 0; i < 200; i++) textOf(await ask(`net.gone.${i}`, {}, node("node0")));
    const given = new Set<string>();
    for (let i = 0; i < 56; i++) given.add(textOf(await ask(`net.${i}`)));
    expect(given.size).toBe(56);
    expect((await ask("net.more")).kind).toBe("poolExhausted");
    expect(await findings()).toEqual([]);
  });

  it("gives an address that is asked for, of the range alone", async () => {
    const { ask } = lab();
    expect(textOf(await ask("net.a", { addresses: [address("10.244.3.77")] }))).toBe("10.244.3.77");
    const refused = await ask("net.b", { addresses: [address("10.244.4.77")] });
    expect(refused).toMatchObject({ reason: "this node's own range is 10.244.3.0/24", isFinal: true });
    const small = { addresses: [address("10.244.3.7")], within: [prefix("10.244.3.0/27")] };
    expect(await ask("net.c", small)).toMatchObject({
      reason: "its block 10.244.3.0/26 is larger than this node's own range",
    });
  });

  it("lets a pod go whose kept address is another node's", async () => {
    const { ask } = lab({ kept: () => [address("10.244.7.7")] });
    expect(textOf(await ask("net.a"))).toMatch(/^10\.244\.3\./);
  });

  it("lacks addresses while it has no range", async () => {
    const { allocator, ask } = lab();
    expect(await allocator.lacking(4, { within: [range] })).toBe(null);
    const reason = "this node has no IPv4 range of its own (podCIDR)";
    expect(await allocator.lacking(4, { within: [] })).toEqual([{ pool: "pods", reason }]);
    expect(await ask("net.a", { within: [] })).toEqual({
      kind: "noPool",
      family: 4,
      refused: [{ pool: "pods", reason }],
    });
  });
});

function lab(more: Partial<ClusterView> = {}) {
  const store = new MemoryStore();
  const view = { pools: [pods], nodeLabels: {}, reserved: [], settings: defaultIpamSettings, ...more };
  const node = (name: string) => new Allocator({ node: name }, { store, now: () => nowNs, view: () => view });
  const allocator = node("node3");
  return {
    allocator,
    node,
    ask: (handleId: string, request: Partial<AssignRequest> = {}, from = allocator): Promise<AssignResult> => {
      const attributes = { namespace: "prod", pod: handleId };
      return from.assign({ handleId, attributes, families: [4], within: [range], ...request });
    },
    blocks: async (): Promise<string[]> => (await store.list("IPAMBlock")).items.map(({ value }) => value.cidr).sort(),
    findings: async () => {
      const [blocks, handles] = await Promise.all([store.list("IPAMBlock"), store.list("IPAMHandle")]);
      return audit(
        blocks.items.map(({ value }) => value),
        new Map(handles.items.map(({ key, value }) => [key.name, value])),
      );
    },
  };
}

const pods: IPPool = {
  apiVersion: "projectcalico.org/v3",
  kind: "IPPool",
  metadata: { name: "pods" },
  spec: { cidr: "10.244.0.0/16" },
};

function textOf(result: AssignResult): string {
  if (result.kind !== "assigned") throw new TypeError(JSON.stringify(result, (_, value) => `${value}`));
  return result.addresses.map((held) => formatAddress(held.address)).join(" ");
}

function address(text: string) {
  const parsed = parseAddress(text);
  if (!parsed) throw new TypeError(text);
  return parsed;
}

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (!parsed || formatPrefix(parsed) !== text) throw new TypeError(text);
  return parsed;
}
