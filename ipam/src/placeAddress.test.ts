import { type IPPool, MemoryStore } from "@brindle/api";
import { type Address, formatAddress, parseAddress, parsePrefix } from "@brindle/net";
import { describe, expect, it } from "vitest";
import { Allocator, type AssignResult } from "./allocator.ts";
import { type ClusterView, defaultIpamSettings } from "./assign.ts";
import { audit } from "./audit.ts";
import { loadBalancer } from "./block.ts";

let nowNs = 1_767_225_600_000_000_000n;

/** What happened before, on which node; then node1 asks for `10.0.0.5`. */
interface Case {
  readonly name: string;
  readonly before?: (world: World) => Promise<unknown>;
  readonly view?: Partial<ClusterView>;
  readonly outcome: string;
}

const strict = { ...defaultIpamSettings, strictAffinity: true };
const cases: Case[] = [
  { name: "gives it out of a block that nobody has", outcome: "10.0.0.5" },
  {
    name: "gives it out of the node's own block",
    before: ({ node }) => node("node1").assign(asked("net.other", "10.0.0.4")),
    outcome: "10.0.0.5",
  },
  {
    name: "gives it out of another node's block, which stays that node's",
    before: ({ node }) => node("node2").assign(asked("net.other", "10.0.0.4")),
    outcome: "10.0.0.5",
  },
  {
    name: "leaves another node's block alone where affinity is strict",
    before: ({ node }) => node("node2").assign(asked("net.other", "10.0.0.4")),
    view: { settings: strict },
    outcome: "never: strictAffinity is set, and its block 10.0.0.4/30 is the node node2's",
  },
  {
    name: "gives it though it is reserved",
    view: { reserved: [parsePrefix("10.0.0.0/24")].filter((prefix) => prefix !== null) },
    outcome: "10.0.0.5",
  },
  {
    name: "gives it though the pool is for other nodes and only for who asks",
    view: { pools: [pool({ nodeSelector: "rack == 'b'", assignmentMode: "Manual" })] },
    outcome: "10.0.0.5",
  },
  {
    name: "waits for who has it",
    before: ({ node }) => node("node2").assign(asked("net.other", "10.0.0.5")),
    outcome: "later: the pod prod/web has it",
  },
  { name: "refuses one in no pool", view: { pools: [] }, outcome: "never: it is in no IPPool" },
  {
    name: "refuses one of a disabled pool",
    view: { pools: [pool({ disabled: true })] },
    outcome: "never: pods: it is disabled",
  },
  {
    name: "refuses one that is for Services",
    view: { pools: [pool({ allowedUses: ["LoadBalancer"] })] },
    outcome: "never: pods: its allowedUses are LoadBalancer, not Workload",
  },
  {
    name: "refuses one of a block that Services had before the pool was for pods",
    before: ({ node }) => node(loadBalancer).assign(asked("lb-1", "10.0.0.4")),
    outcome: "never: its block 10.0.0.4/30 is for Services",
  },
  {
    name: "refuses one where a block of another size is in the way",
    before: ({ node }) => node("node2", { pools: [pool({ blockSize: 29 })] }).assign(asked("net.other", "10.0.0.4")),
    outcome: "never: the block 10.0.0.0/29 of another size is in the way",
  },
  {
    name: "refuses one in a damaged block",
    before: async ({ node, store }) => {
      await node("node2").assign(asked("net.other", "10.0.0.4"));
      const key = { kind: "IPAMBlock", name: "10.0.0.4/30" } as const;
      const item = await store.get(key);
      if (!item) throw new RangeError("no block");
      await store.commit([{ op: "put", key, value: { ...item.value, unallocated: [0, 1, 2, 3] } }]);
    },
    outcome: "never: its block 10.0.0.4/30 is damaged",
  },
  {
    name: "waits where the node may claim no more blocks",
    view: { settings: { ...strict, autoAllocateBlocks: false } },
    outcome: "later: nobody has its block 10.0.0.4/30, and node1 may claim no more blocks",
  },
  {
    name: "takes it though it rests",
    view: { settings: { ...defaultIpamSettings, restSeconds: 300 } },
    before: async ({ node }) => {
      const allocator = node("node2", { settings: { ...defaultIpamSettings, restSeconds: 300 } });
      await allocator.assign(asked("net.other", "10.0.0.5"));
      await allocator.release("net.other");
    },
    outcome: "10.0.0.5",
  },
];

describe("an assignment that asks for an address", () => {
  for (const { name, before, view, outcome } of cases) {
    it(name, async () => {
      const world = new World();
      await before?.(world);
      const result = await world.node("node1", view).assign(asked("net.a", "10.0.0.5"));
      expect(told(result).startsWith(outcome), told(result)).toBe(true);
      if (!name.includes("damaged")) expect(await world.findings()).toEqual([]);
    });
  }

  it("is answered the same twice, and refused another address meanwhile", async () => {
    const allocator = new World().node("node1");
    expect(told(await allocator.assign(asked("net.a", "10.0.0.5")))).toBe("10.0.0.5");
    expect(told(await allocator.assign(asked("net.a", "10.0.0.5")))).toBe("10.0.0.5");
    expect(told(await allocator.assign(asked("net.a", "10.0.0.6")))).toBe(
      "never: the same container has 10.0.0.5 already",
    );
  });
});

describe("an address that is kept for a pod", () => {
  const kept = ({ namespace, pod }: { namespace: string; pod: string }): Address[] =>
    `${namespace}/${pod}` === "prod/web" ? [addressOf("10.0.0.6")] : [];
  const reserved = [parsePrefix("10.0.0.6/32")].filter((prefix) => prefix !== null);

  it("is given to it each time, on whichever node, and to nobody else", async () => {
    const world = new World();
    const auto = { handleId: "net.a", attributes: { namespace: "prod", pod: "web" }, families: [4 as const] };
    expect(told(await world.node("node1", { kept, reserved }).assign(auto))).toBe("10.0.0.6");
    await world.node("node1", { kept, reserved }).release("net.a");
    const others = { ...auto, attributes: { namespace: "prod", pod: "other" } };
    for (let i = 0; i < 15; i++)
      expect(told(await world.node("node1", { kept, reserved }).assign({ ...others, handleId: `net.${i}` }))).not.toBe(
        "10.0.0.6",
      );
    expect(told(await world.node("node2", { kept, reserved }).assign({ ...auto, handleId: "net.b" }))).toBe("10.0.0.6");
    expect(await world.findings()).toEqual([]);
  });

  it("rests no time, though others do", async () => {
    const world = new World();
    const view = { kept, reserved, settings: { ...defaultIpamSettings, restSeconds: 300 } };
    const auto = { handleId: "net.a", attributes: { namespace: "prod", pod: "web" }, families: [4 as const] };
    await world.node("node1", view).assign(auto);
    await world.node("node1", view).release("net.a");
    const { items } = await world.store.list("IPAMBlock");
    expect(items.flatMap(({ value }) => value.attributes)).toEqual([]);
  });

  it("waits for who has it, and is another one where no pool gives it any more", async () => {
    const world = new World();
    await world.node("node2").assign(asked("net.old", "10.0.0.6"));
    const auto = { handleId: "net.a", attributes: { namespace: "prod", pod: "web" }, families: [4 as const] };
    expect(told(await world.node("node1", { kept, reserved }).assign(auto))).toBe("later: the pod prod/web has it");
    const pools = [pool({ disabled: true }), { ...pool({ cidr: "10.1.0.0/28" }), metadata: { name: "new" } }];
    expect(told(await world.node("node1", { kept, reserved, pools }).assign(auto))).toMatch(/^10\.1\.0\./);
  });
});

describe("an address that was given back", () => {
  const view = { settings: { ...defaultIpamSettings, restSeconds: 30 }, pools: [pool({ cidr: "10.0.0.0/30" })] };
  const v4 = (handleId: string) => ({
    handleId,
    attributes: { namespace: "prod", pod: "web" },
    families: [4 as const],
  });

  it("is given again when it has rested, not before, and counts as nobody's meanwhile", async () => {
    const world = new World();
    const allocator = world.node("node1", view);
    for (const id of ["a", "b", "c", "d"]) await allocator.assign(v4(`net.${id}`));
    await allocator.release("net.b");
    expect(await world.findings()).toEqual([]);
    expect(told(await allocator.assign(v4("net.e")))).toBe("poolExhausted");
    expect(await allocator.release("net.b")).toEqual({ kind: "released", addresses: [] });
    nowNs += 29_000_000_000n;
    expect(told(await allocator.assign(v4("net.e")))).toBe("poolExhausted");
    nowNs += 2_000_000_000n;
    expect(told(await allocator.assign(v4("net.e")))).toBe("10.0.0.1");
    expect(await world.findings()).toEqual([]);
  });

  it("is free at once when the cluster lets addresses rest no more", async () => {
    const world = new World();
    for (const id of ["a", "b", "c", "d"]) await world.node("node1", view).assign(v4(`net.${id}`));
    await world.node("node1", view).release("net.c");
    nowNs += 1_000_000_000n;
    const restless = { ...view, settings: defaultIpamSettings };
    expect(told(await world.node("node1", restless).assign(v4("net.e")))).toBe("10.0.0.2");
  });
});

describe("a pool for some namespaces", () => {
  it("is used for pods whose namespace's profile has the labels, which is asked for then alone", async () => {
    const world = new World();
    const labelsToApply = { "pcns.team": "blue", "pcns.projectcalico.org/name": "prod" };
    const profile = { apiVersion: "projectcalico.org/v3", kind: "Profile", metadata: { name: "kns.prod" } } as const;
    const key = { kind: "Profile", name: "kns.prod" } as const;
    await world.store.commit([{ op: "put", key, value: { ...profile, spec: { labelsToApply } } }]);
    const allocator = world.node("node1", { pools: [pool({ namespaceSelector: "team == 'blue'" })] });
    const of = (namespace: string) => ({
      handleId: `net.${namespace}`,
      attributes: { namespace, pod: "web" },
      families: [4 as const],
    });
    expect(told(await allocator.assign(of("prod")))).toMatch(/^10\.0\.0\./);
    expect(told(await allocator.assign(of("dev")))).toBe("noPool");
  });
});

class World {
  readonly store: MemoryStore = new MemoryStore();

  node = (node: string, more: Partial<ClusterView> = {}): Allocator => {
    const pools = [pool(node === loadBalancer ? { allowedUses: ["LoadBalancer"] } : {})];
    const view = { pools, nodeLabels: {}, reserved: [], settings: defaultIpamSettings, ...more };
    return new Allocator({ node }, { store: this.store, now: () => nowNs, view: () => view });
  };

  async findings(): Promise<unknown[]> {
    const [blocks, handles] = await Promise.all([this.store.list("IPAMBlock"), this.store.list("IPAMHandle")]);
    return audit(
      blocks.items.map(({ value }) => value),
      new Map(handles.items.map(({ key, value }) => [key.name, value])),
    );
  }
}

function asked(handleId: string, text: string) {
  const use = handleId.startsWith("lb-") ? ({ use: "LoadBalancer" } as const) : {};
  const attributes = { namespace: "prod", pod: "web" };
  return { handleId, attributes, families: [4 as const], addresses: [addressOf(text)], ...use };
}

function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (!address) throw new TypeError(text);
  return address;
}

function told(result: AssignResult): string {
  if (result.kind === "addressRefused") return `${result.isFinal ? "never" : "later"}: ${result.reason}`;
  if (result.kind !== "assigned") return result.kind;
  return result.addresses.map(({ address }) => formatAddress(address)).join(" ");
}

function pool(spec: Partial<IPPool["spec"]>): IPPool {
  const base = { apiVersion: "projectcalico.org/v3", kind: "IPPool", metadata: { name: "pods" } } as const;
  return { ...base, spec: { cidr: "10.0.0.0/28", blockSize: 30, ...spec } };
}
