/**
 * Random histories: nodes that assign and release at once, whose requests meet the datastore in any order, whose
 * answers get lost, which crash between any two requests, and who know old blocks. After each step the datastore must
 * make sense; with one object a write, no address may be given twice or be nobody's at any time, and the rest is right at
 * the end. A history is its seed, which is the name of its test.
 */
import { type IPAMBlock, type IPPool, MemoryStore, type Store } from "@brindle/api";
import { formatAddress, overlaps } from "@brindle/net";
import { describe, expect, it } from "vitest";
import { Allocator, type AssignOptions } from "./allocator.ts";
import { defaultIpamSettings } from "./assign.ts";
import { audit } from "./audit.ts";
import { addressesOf, affinityOf, isEmpty, nodeOf, prefixOf } from "./block.ts";

const nodes = ["node1", "node2", "node3", "node4"];
const stepsMax = 150;

describe("addresses in random histories", () => {
  for (const transactions of ["many", "single"] as const) {
    for (let seed = 1; seed <= 30; seed++) {
      it(`hold together with transactions of ${transactions} and seed ${seed}`, async () => {
        const world = new World(seed, transactions);
        for (let step = 0; step < stepsMax; step++) {
          await world.step();
          await world.check();
        }
        await world.settle();
      });
    }
  }
});

type Phase =
  /** Nobody asked, or it was released and nobody asked again. */
  | { readonly phase: "absent" }
  /** A request is under way, or its fate is not known. What it held before is known, if anything. */
  | { readonly phase: "unknown"; readonly held: readonly string[] | null; readonly wants: "assign" | "release" }
  | { readonly phase: "held"; readonly held: readonly string[] };

class World {
  readonly #random: () => number;
  readonly #work: (() => void)[] = [];
  readonly #store: MemoryStore;
  /** Reads past the schedule: what a check sees is no step of the history. */
  readonly #observer: MemoryStore;
  readonly #agents = new Map<string, Agent>();
  /** By handle, which names its node. A runtime has one request of a container under way at a time. */
  readonly #pods = new Map<string, Phase>();
  readonly #busy = new Map<string, Agent>();
  /** Handles for which a process that crashed had asked: its request may still be done, after any later release. */
  readonly #late = new Set<string>();
  #checked = 0n;
  #nowNs = 1_767_225_600_000_000_000n;

  constructor(seed: number, transactions: Store["transactions"]) {
    this.#random = randomFrom(seed);
    this.#store = new MemoryStore({ transactions, schedule: (work) => this.#work.push(work) });
    this.#observer = new MemoryStore({ data: this.#store.data });
    for (const node of nodes) {
      this.#restart(node);
      for (let i = 0; i < 6; i++) this.#pods.set(`net.${node}-${i}`, { phase: "absent" });
    }
  }

  async step(): Promise<void> {
    this.#nowNs += 1n;
    const dice = this.#random();
    if (dice < 0.6 && this.#work.length > 0) await this.#runOne();
    else if (dice < 0.62) this.#store.loseReplies(1);
    else if (dice < 0.65) this.#crash(this.#pick(nodes));
    else this.#ask();
  }

  /** Nothing held is lost or held twice, and blocks, handles and affinities agree. */
  async check(): Promise<void> {
    if (this.#store.data.revision === this.#checked) return;
    this.#checked = this.#store.data.revision;
    const { blocks, handles, affinities } = await readAll(this.#observer);
    if (this.#isWhole) expect(audit(blocks, handles)).toEqual([]);
    for (const [i, block] of blocks.entries()) {
      expect(blocks.slice(i + 1).filter((other) => overlaps(prefixOf(block), prefixOf(other)))).toEqual([]);
      const isAnnounced = affinities.get(`${affinityOf(nodeOf(block) ?? "")}/${block.cidr}`) === "confirmed";
      if (this.#isWhole || this.#isInUse(block)) expect(isAnnounced).toBe(true);
    }
    for (const [handleId, pod] of this.#pods) {
      const held = blocks.flatMap((block) => addressesOf(block, handleId)).map(({ address }) => formatAddress(address));
      if (this.#isWhole || pod.phase !== "unknown") expect([0, 2]).toContain(held.length);
      if (pod.phase === "held") expect(held.toSorted()).toEqual(pod.held);
      if (pod.phase === "absent" && !this.#late.has(handleId)) expect(held).toEqual([]);
      if (pod.phase === "unknown" && pod.held) for (const address of held) expect(pod.held).toContain(address);
    }
  }

  /** Every request is one transaction. */
  get #isWhole(): boolean {
    return this.#store.transactions === "many";
  }

  /** By a pod that was told so. */
  #isInUse(block: IPAMBlock): boolean {
    return [...this.#pods].some(([id, { phase }]) => phase === "held" && addressesOf(block, id).length > 0);
  }

  /** Once faults stop, each pod can be released, and nothing of it stays. */
  async settle(): Promise<void> {
    for (const node of nodes) this.#crash(node);
    while (this.#work.length > 0) await this.#runOne();
    for (const handleId of this.#pods.keys()) this.#release(handleId);
    while (this.#busy.size > 0) {
      expect(this.#work.length, "requests under way wait for the store").toBeGreaterThan(0);
      await this.#runOne();
      await this.check();
      // A reply that was lost before is told now: the runtime asks again.
      for (const [handleId, { phase }] of this.#pods) {
        if (phase === "unknown" && !this.#busy.has(handleId)) this.#release(handleId);
      }
    }
    const { blocks, handles } = await readAll(this.#observer);
    // What a dead process had sent may come after the release; where it wrote one object alone, the audit names it.
    const findings = this.#isWhole ? [] : audit(blocks, handles);
    const found = findings.flatMap((finding) => ("handleId" in finding ? [finding.handleId] : []));
    for (const id of found) expect(this.#late).toContain(id);
    expect([...handles.keys()].filter((id) => !found.includes(id))).toEqual([]);
    expect(blocks.filter((block) => !isEmpty(block) && !found.some((id) => addressesOf(block, id).length > 0))).toEqual(
      [],
    );
  }

  #ask(): void {
    const idle = [...this.#pods.keys()].filter((handleId) => !this.#busy.has(handleId));
    if (idle.length === 0) return;
    const handleId = this.#pick(idle);
    const pod = this.#pods.get(handleId);
    // A DEL that failed is done again until it succeeds; anything else may be asked for at any time.
    if (pod?.phase === "unknown" && pod.wants === "release") this.#release(handleId);
    else if (this.#random() < 0.6) this.#assign(handleId);
    else this.#release(handleId);
  }

  #assign(handleId: string): void {
    const before = heldOf(this.#pods.get(handleId));
    const during: Phase = { phase: "unknown", held: before, wants: "assign" };
    this.#start(handleId, { during, node: nodeOfPod(handleId) }, async (allocator) => {
      const options: AssignOptions = { handleId, attributes: { pod: handleId }, families: [4, 6] };
      const result = await allocator.assign(options);
      if (result.kind !== "assigned") {
        expect(["poolExhausted", "contended"]).toContain(result.kind);
        expect(before, "what was held is given again").toBeNull();
        return { phase: "absent" };
      }
      const held = result.addresses.map(({ address }) => formatAddress(address)).toSorted();
      if (before) expect(held).toEqual(before);
      return { phase: "held", held };
    });
  }

  #release(handleId: string): void {
    const held = heldOf(this.#pods.get(handleId));
    // Leaks are collected by somebody else than the pod's node, whose memory then is of old.
    const node = this.#random() < 0.3 ? this.#pick(nodes) : nodeOfPod(handleId);
    this.#start(handleId, { during: { phase: "unknown", held, wants: "release" }, node }, async (allocator) => {
      const result = await allocator.release(handleId);
      expect(result.kind).toBe("released");
      return { phase: "absent" };
    });
  }

  #start(
    handleId: string,
    { during, node }: { during: Phase; node: string },
    request: (allocator: Allocator) => Promise<Phase>,
  ): void {
    const agent = this.#agents.get(node);
    if (!agent) throw new Error(`no agent on ${node}`);
    this.#busy.set(handleId, agent);
    this.#pods.set(handleId, during);
    void request(agent.allocator)
      .catch((error): Phase => {
        if (error?.failure?.code !== "UNAVAILABLE") agent.failure = error;
        return during;
      })
      .then((phase) => {
        if (agent.crashed) return;
        this.#pods.set(handleId, phase);
        this.#busy.delete(handleId);
      });
  }

  /** The process is gone: what it had sent may still be done, but nobody hears of it. */
  #crash(node: string): void {
    const agent = this.#agents.get(node);
    if (agent) agent.crashed = true;
    for (const [handleId, by] of this.#busy) {
      if (by !== agent) continue;
      this.#busy.delete(handleId);
      const pod = this.#pods.get(handleId);
      if (pod?.phase === "unknown" && pod.wants === "assign") this.#late.add(handleId);
    }
    this.#restart(node);
  }

  #restart(node: string): void {
    const agent: Agent = {
      crashed: false,
      failure: null,
      allocator: new Allocator(
        { node },
        { store: storeOf(this.#store, () => agent.crashed), now: () => this.#nowNs, view: () => view },
      ),
    };
    this.#agents.set(node, agent);
  }

  async #runOne(): Promise<void> {
    const [work] = this.#work.splice(Math.floor(this.#random() * this.#work.length), 1);
    work?.();
    await microtasks();
    for (const { failure } of this.#agents.values()) if (failure) throw failure;
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.#random() * items.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }
}

interface Agent {
  readonly allocator: Allocator;
  crashed: boolean;
  failure: unknown;
}

// 24 pods want an address of each family, and of IPv4 there are 16: nodes borrow and run out.
const pools: IPPool[] = [
  {
    apiVersion: "projectcalico.org/v3",
    kind: "IPPool",
    metadata: { name: "four" },
    spec: { cidr: "10.0.0.0/28", blockSize: 30 },
  },
  {
    apiVersion: "projectcalico.org/v3",
    kind: "IPPool",
    metadata: { name: "six" },
    spec: { cidr: "fd00::/123", blockSize: 126 },
  },
];
const view = { pools, nodeLabels: {}, reserved: [], settings: defaultIpamSettings };

function nodeOfPod(handleId: string): string {
  return handleId.slice("net.".length, "net.node1".length);
}

function heldOf(pod: Phase | undefined): readonly string[] | null {
  return pod && "held" in pod ? pod.held : null;
}

/** A process that has crashed sends nothing more. */
function storeOf(store: Store, isCrashed: () => boolean): Pick<Store, "get" | "list" | "commit" | "transactions"> {
  const never = new Promise<never>(() => {});
  return {
    transactions: store.transactions,
    get: (key) => (isCrashed() ? never : store.get(key)),
    list: (kind, scope) => (isCrashed() ? never : store.list(kind, scope)),
    commit: (writes) => (isCrashed() ? never : store.commit(writes)),
  };
}

async function readAll(store: Store): Promise<{
  blocks: Parameters<typeof audit>[0];
  handles: Parameters<typeof audit>[1];
  affinities: Map<string, string>;
}> {
  const [blocks, handles, affinities] = await Promise.all([
    store.list("IPAMBlock"),
    store.list("IPAMHandle"),
    store.list("BlockAffinity"),
  ]);
  return {
    blocks: blocks.items.map(({ value }) => value),
    handles: new Map(handles.items.map(({ key, value }) => [key.name, value])),
    affinities: new Map(affinities.items.map(({ key, value }) => [key.name, value.state])),
  };
}

/** Everything that follows from what was answered happens before the next step. */
function microtasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Mulberry32: small, and the same everywhere. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
