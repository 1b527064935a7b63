/**
 * A datastore that writes one object at a time, and a process that stops after any of its writes, told or not told that
 * the last one happened. What comes next must find everything.
 */
import {
  type IPPool,
  MemoryData,
  MemoryStore,
  type Store,
  StoreError,
  type WorkloadEndpoint,
  type Write,
} from "@brindle/api";
import { formatAddress } from "@brindle/net";
import { describe, expect, it } from "vitest";
import { Allocator, type AssignOptions } from "./allocator.ts";
import { type ClusterView, defaultIpamSettings } from "./assign.ts";
import { type AuditFinding, audit } from "./audit.ts";
import { addressesOf, isEmpty, newBlock, nodeOf } from "./block.ts";
import { commitInOrder } from "./orderedCommit.ts";

const handleId = "net.a";
const view: ClusterView = {
  pools: [pool("four", "10.0.0.0/29", 30), pool("six", "fd00::/125", 126)],
  nodeLabels: {},
  reserved: [],
  settings: defaultIpamSettings,
};

/** What is there before the request that is stopped. */
const beginnings: { name: string; prepare: (world: World) => Promise<unknown> }[] = [
  { name: "in an empty datastore", prepare: async () => {} },
  { name: "in blocks of its own", prepare: (world) => world.process().assign(pod("net.before")) },
  {
    name: "in blocks that their node gave up",
    prepare: async (world) => {
      await world.process("gone").assign(pod("net.other"));
      await world.giveUpBlocks();
    },
  },
];

it("what was released and is given again is asked for, where nobody knows how far that came", async () => {
  const store = new MemoryStore({ transactions: "single" });
  let isLost = false;
  const commit: Store["commit"] = async (writes) => {
    const result = await store.commit(writes);
    if (isLost) throw new StoreError({ code: "UNAVAILABLE", reason: "the answer is lost" });
    return result;
  };
  const ports = { get: store.get.bind(store), list: store.list.bind(store), transactions: store.transactions, commit };
  const allocator = new Allocator({ node: "node1" }, { store: ports, now: () => 1n, view: () => view });
  const request = { handleId, attributes: {}, families: [4] } as const;
  await allocator.assign(request);
  await allocator.release(handleId);
  isLost = true;
  await expect(allocator.assign(request)).rejects.toThrow("the answer is lost");
  isLost = false;
  await allocator.release(handleId);
  expect((await store.list("IPAMHandle")).items).toEqual([]);
});

describe("an assignment that is stopped", () => {
  for (const { name, prepare } of beginnings) {
    for (const told of [true, false]) {
      const when = told ? "after" : "in";
      it(`${when} any of its writes, ${name}, is repeated with the same addresses at most`, async () => {
        for (const { world, written } of await stopped({ prepare, request: (it) => it.assign(pod(handleId)), told })) {
          const found = await world.addresses(handleId);
          const result = await world.process().assign(pod(handleId));
          expect(result.kind, `${written} writes`).toBe("assigned");
          const given = await world.addresses(handleId);
          expect(given).toHaveLength(2);
          expect(given).toEqual(expect.arrayContaining(found));
          expect(await world.findings()).toEqual([]);
          expect(await world.endpoints()).toHaveLength(1);
          await world.expectAnnounced(handleId);
        }
      });

      it(`${when} any of its writes, ${name}, leaves nothing once it is released`, async () => {
        for (const { world, written } of await stopped({ prepare, request: (it) => it.assign(pod(handleId)), told })) {
          expect((await world.process().release(handleId)).kind, `${written} writes`).toBe("released");
          expect(await world.addresses(handleId)).toEqual([]);
          expect(await world.handles()).not.toContain(handleId);
          expect(await world.findings()).toEqual([]);
        }
      });

      it(`${when} any of its writes, ${name}, keeps no address from another pod, nor gives one twice`, async () => {
        for (const { world } of await stopped({ prepare, request: (it) => it.assign(pod(handleId)), told })) {
          await world.process().assign(pod("net.b"));
          await world.process("node2").assign(pod("net.c"));
          const all = await Promise.all([handleId, "net.b", "net.c", "net.before"].map((id) => world.addresses(id)));
          expect(new Set(all.flat()).size).toBe(all.flat().length);
          const others = (await world.findings()).filter(
            (finding) => !("handleId" in finding && finding.handleId === handleId),
          );
          expect(others).toEqual([]);
        }
      });
    }
  }
});

describe("a release that is stopped", () => {
  for (const told of [true, false]) {
    it(`${told ? "after" : "in"} any of its writes is done by the next one, of any process`, async () => {
      const prepare = (world: World) => world.process().assign(pod(handleId));
      const request = (it: Allocator, world: World) => it.release(handleId, { extraWrites: world.endpointGoes() });
      for (const { world, written, allocator } of await stopped({ prepare, request, told })) {
        // Who reads the endpoint never takes for this pod's what may be given to another.
        expect(await world.addresses(handleId)).toEqual(expect.arrayContaining(await world.endpointAddresses()));
        // By the time the handle is gone, so is all else.
        if (!(await world.handles()).includes(handleId)) expect(await world.addresses(handleId)).toEqual([]);
        const next = written % 2 === 0 ? allocator : world.process();
        world.stopAfter(null);
        expect((await next.release(handleId)).kind).toBe("released");
        expect(await world.addresses(handleId)).toEqual([]);
        expect(await world.handles()).toEqual([]);
        expect(await world.findings()).toEqual([]);
      }
    });
  }
});

describe("an assignment that others overtake", () => {
  it("gives up its claim of a block that became another node's, and takes the next", async () => {
    const world = new World();
    const second = world.process("node2");
    // Between our claim and our block another node takes that very block, with a claim of its own.
    world.before(
      (write) => write.op === "create" && write.key.kind === "IPAMBlock",
      async (write) => {
        await world.data([{ ...write, value: newBlock(write.key.name, "node2", nowNs) } as Write]);
      },
    );
    expect((await world.process().assign(pod(handleId))).kind).toBe("assigned");
    expect((await second.assign(pod("net.b"))).kind).toBe("assigned");
    await world.expectAnnounced(handleId);
    await world.expectAnnounced("net.b", "node2");
    const claims = await world.claims();
    expect(claims.filter((claim) => claim.startsWith("host:node1/"))).toHaveLength(2);
  });

  it("confirms its claim again that somebody has begun to take", async () => {
    const world = new World();
    const doubtful = ["10.0.0.0/30", "10.0.0.4/30", "fd00::/126", "fd00::4/126"];
    const allocator = world.process("node1", { ...view, doubtfulClaims: doubtful });
    await allocator.assign(pod("net.before"));
    await world.markClaims();
    expect(await world.claims()).toEqual([]);
    expect((await allocator.assign(pod(handleId))).kind).toBe("assigned");
    await world.expectAnnounced(handleId);
  });

  it("leaves nothing when it ends with a refusal", async () => {
    const world = new World();
    world.before(
      (write) => write.op === "create" && write.key.kind === "IPAMHandle",
      async () => {
        for (let i = 0; i < 8; i++) await world.observer("node2").assign(pod(`net.full${i}`));
      },
    );
    expect((await world.process().assign(pod(handleId))).kind).toBe("poolExhausted");
    expect(await world.handles()).not.toContain(handleId);
    expect(await world.findings()).toEqual([]);
  });
});

describe("writes of which one meets a conflict", () => {
  it("tell what was written before it beside what is in the way", async () => {
    const store = new MemoryStore({ transactions: "single" });
    const block = { kind: "IPAMBlock", name: "10.0.0.0/30" } as const;
    const handle = { kind: "IPAMHandle", name: handleId } as const;
    await store.commit([{ op: "create", key: block, value: newBlock(block.name, "node2", nowNs) }]);
    const planned: Write[] = [
      { op: "create", key: block, value: newBlock(block.name, "node1", nowNs) },
      { op: "create", key: handle, value: { block: { [block.name]: 1 }, deleted: false } },
    ];
    const outcome = await commitInOrder(store, { planned, extra: [] }, "assign");
    expect(outcome).toMatchObject({
      conflict: "planned",
      written: [{ op: "create", key: handle }],
      found: [{ key: handle }, { key: block, value: { affinity: "host:node2" } }],
    });
  });
});

interface Stopped {
  readonly world: World;
  /** How many writes happened. */
  readonly written: number;
  /** The process that was stopped, should it go on. */
  readonly allocator: Allocator;
}

/** The same request stopped after none of its writes, after one, and so on. */
async function stopped(scenario: {
  readonly prepare: (world: World) => Promise<unknown>;
  readonly request: (allocator: Allocator, world: World) => Promise<unknown>;
  /** Whether the process hears of its last write before it ends. */
  readonly told: boolean;
}): Promise<Stopped[]> {
  const all: Stopped[] = [];
  for (let written = 0; ; written++) {
    const world = new World();
    await scenario.prepare(world);
    const allocator = world.process();
    world.stopAfter(scenario.told ? written : written + 1, { told: scenario.told });
    const ended = await scenario.request(allocator, world).then(
      () => true,
      () => false,
    );
    world.stopAfter(null);
    all.push({ world, written, allocator });
    if (ended) break;
  }
  expect(all.length, "a request has several writes").toBeGreaterThan(2);
  return all;
}

class World {
  readonly #data = new MemoryData();
  readonly #store = new MemoryStore({ data: this.#data, transactions: "single" });
  /** Reads and writes past all that goes wrong. */
  readonly #observer = new MemoryStore({ data: this.#data, transactions: "single" });
  #left: number | null = null;
  #told = true;
  #hook: { readonly at: (write: Write) => boolean; readonly does: (write: Write) => Promise<unknown> } | null = null;

  /** A new process, which remembers nothing. */
  process(node = "node1", seen: ClusterView = view): Allocator {
    return allocatorOn(this.#faulty(), node, seen);
  }

  /** As the collector of empty blocks begins. */
  async markClaims(): Promise<void> {
    for (const { key, value, revision } of (await this.#observer.list("BlockAffinity")).items)
      await this.data([{ op: "update", key, value: { ...value, state: "pendingDeletion" }, revision }]);
  }

  observer(node: string): Allocator {
    return allocatorOn(this.#observer, node);
  }

  /** So many writes happen, then none; `null` for as many as there are. */
  stopAfter(writes: number | null, { told }: { readonly told: boolean } = { told: true }): void {
    this.#left = writes;
    this.#told = told;
  }

  /** Once, before the first such write. */
  before(at: (write: Write) => boolean, does: (write: Write) => Promise<unknown>): void {
    this.#hook = { at, does };
  }

  data(writes: readonly Write[]): Promise<unknown> {
    return this.#observer.commit(writes);
  }

  async giveUpBlocks(): Promise<void> {
    for (const { key, value, revision } of (await this.#observer.list("IPAMBlock")).items) {
      const { affinity: _, affinity_claim_time: __, ...orphan } = value;
      await this.data([{ op: "update", key, value: orphan, revision }]);
    }
    for (const { key, revision } of (await this.#observer.list("BlockAffinity")).items)
      await this.data([{ op: "delete", key, revision }]);
  }

  endpointGoes(): Write[] {
    return [{ op: "put", ...endpointOf([]) }];
  }

  async addresses(id: string): Promise<string[]> {
    const { items } = await this.#observer.list("IPAMBlock");
    return items.flatMap(({ value }) => addressesOf(value, id)).map(({ address }) => formatAddress(address));
  }

  async handles(): Promise<string[]> {
    return (await this.#observer.list("IPAMHandle")).items.map(({ key }) => key.name);
  }

  async endpoints(): Promise<unknown[]> {
    return (await this.#observer.list("WorkloadEndpoint")).items.filter(
      ({ value }) => value.metadata.labels?.id === handleId,
    );
  }

  async endpointAddresses(): Promise<string[]> {
    const { items } = await this.#observer.list("WorkloadEndpoint");
    const mine = items.filter(({ value }) => value.metadata.labels?.id === handleId);
    return mine.flatMap(({ value }) => (value.spec.ipNetworks ?? []).map((network) => network.replace(/\/.*$/, "")));
  }

  async claims(): Promise<string[]> {
    const { items } = await this.#observer.list("BlockAffinity");
    return items.filter(({ value }) => value.state === "confirmed").map(({ key }) => key.name);
  }

  async findings(): Promise<AuditFinding[]> {
    const blocks = (await this.#observer.list("IPAMBlock")).items.map(({ value }) => value);
    const handles = (await this.#observer.list("IPAMHandle")).items.map(({ key, value }) => [key.name, value] as const);
    return audit(blocks, new Map(handles));
  }

  /** The blocks of what it holds are the node's, by a claim that others see. */
  async expectAnnounced(id: string, node = "node1"): Promise<void> {
    const claims = await this.claims();
    for (const { value } of (await this.#observer.list("IPAMBlock")).items) {
      if (addressesOf(value, id).length === 0 || isEmpty(value)) continue;
      expect(nodeOf(value)).toBe(node);
      expect(claims).toContain(`host:${node}/${value.cidr}`);
    }
  }

  #faulty(): Pick<Store, "get" | "list" | "commit" | "transactions"> {
    return {
      transactions: "single",
      get: (key) => this.#alive(() => this.#store.get(key)),
      list: (kind, scope) => this.#alive(() => this.#store.list(kind, scope)),
      commit: (writes) => this.#commit(writes),
    };
  }

  async #commit(writes: readonly Write[]) {
    const [write] = writes;
    const hook = this.#hook;
    if (write && hook?.at(write)) {
      this.#hook = null;
      await hook.does(write);
    }
    return this.#alive(async () => {
      const result = await this.#store.commit(writes);
      if (this.#left !== null && write?.op !== "expect" && --this.#left === 0 && !this.#told) throw gone();
      return result;
    });
  }

  async #alive<T>(work: () => Promise<T>): Promise<T> {
    if (this.#left !== null && this.#left <= 0) throw gone();
    return work();
  }
}

let nowNs = 1_767_225_600_000_000_000n;

function allocatorOn(
  store: Pick<Store, "get" | "list" | "commit" | "transactions">,
  node: string,
  seen = view,
): Allocator {
  return new Allocator({ node }, { store, now: () => nowNs++, view: () => seen });
}

function pod(id: string): AssignOptions {
  const extraWrites: AssignOptions["extraWrites"] = (held) => [
    {
      op: "put",
      ...endpointOf(
        held.map(({ address }) => formatAddress(address)),
        id,
      ),
    },
  ];
  return { handleId: id, attributes: { pod: id }, families: [4, 6], extraWrites };
}

function endpointOf(addresses: readonly string[], id = handleId) {
  const ipNetworks = addresses.map((address) => `${address}/${address.includes(":") ? 128 : 32}`);
  const spec = { orchestrator: "k8s", node: "node1", endpoint: "eth0", ipNetworks };
  const metadata = { name: `node1-k8s-${id.replace(".", "--")}-eth0`, namespace: "prod", labels: { id } };
  const value: WorkloadEndpoint = { apiVersion: "projectcalico.org/v3", kind: "WorkloadEndpoint", metadata, spec };
  return { key: { kind: "WorkloadEndpoint", namespace: "prod", name: metadata.name }, value } as const;
}

function pool(name: string, cidr: string, blockSize: number): IPPool {
  return { apiVersion: "projectcalico.org/v3", kind: "IPPool", metadata: { name }, spec: { cidr, blockSize } };
}

function gone(): StoreError {
  return new StoreError({ code: "UNAVAILABLE", reason: "the process is gone" });
}
