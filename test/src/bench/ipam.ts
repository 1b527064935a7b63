/** Addresses when many want them at once: of the same few blocks, and each node its first one. Over a real etcd. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { IPAMBlock, Store } from "@brindle/api";
import { openEtcdStore } from "@brindle/api/shell/etcd";
import { Allocator, type ClusterView, defaultIpamSettings } from "@brindle/ipam";
import { type Etcd, startEtcd } from "../fixtures/etcd.ts";
import type { Instance } from "../fixtures/instance.ts";
import { blocks } from "./ipamNode.ts";
import { elapsedMs, type Measured, median, type Row } from "./row.ts";

const processes = 8;
const perRound = 64;
/** The first makes the blocks, and the processes are new: the middle one is of an agent that has just begun. */
const rounds = 5;
const nodes = 1_000;
const addressesPerSecondTarget = 3_000;
/** Of a node that asks for its first block. */
const conflictsMax = 1;

export const ipamRows: readonly Row[] = [
  {
    name: `ipam: ${processes} agent processes, 8 requests at once each, ${blocks.length} blocks`,
    unit: "addresses/s",
    better: "higher",
    target: () => addressesPerSecondTarget,
    async measure(instance): Promise<Measured> {
      const anchor = await contest(instance, "blind");
      const ours = await contest(instance, "allocator");
      return {
        anchor: { name: "get, swap, begin anew", figure: anchor.perSecond },
        ours: ours.perSecond,
        notes: [
          `conflicts an address: ${ours.conflicts.toFixed(2)}, of the anchor ${anchor.conflicts.toFixed(2)}`,
          "each address with its handle, in one transaction",
        ],
      };
    },
  },
  {
    name: `ipam: ${nodes.toLocaleString("en")} nodes ask for their first block of one /16 at once`,
    unit: "store operations a node",
    better: "lower",
    target: () => 5,
    async measure(instance): Promise<Measured> {
      // As full a pool, of a quarter of the size: those who meet each list all blocks again.
      const alone = await firstBlocks(instance, { count: nodes / 4, range: "10.16.0.0/18", isRanked: false });
      const ours = await firstBlocks(instance, { count: nodes, range: "10.16.0.0/16", isRanked: true });
      const told = ({ operations, conflicts, worst, ms }: FirstBlocks) =>
        `${operations.toFixed(2)} operations, ${conflicts.toFixed(2)} conflicts, the unluckiest ${worst.operations} and ${worst.conflicts}; ${Math.round(ms)} ms in all`;
      return {
        anchor: { name: "250 that know of no other", figure: alone.operations },
        ours: ours.operations,
        notes: [
          `a node that knows its place among all: ${told(ours)}`,
          `conflicts a node ${ours.conflicts <= conflictsMax ? "met" : "missed"}: at most ${conflictsMax}`,
          `one that does not: ${told(alone)}`,
        ],
      };
    },
  },
];

interface Contest {
  readonly perSecond: number;
  /** An address. */
  readonly conflicts: number;
}

async function contest(instance: Instance, way: "blind" | "allocator"): Promise<Contest> {
  await using etcd = await startEtcd({ instance });
  if (way === "blind") await makeBlocks(etcd);
  const crowd = Array.from({ length: processes }, (_, i) => new Child(etcd.endpoint, `node${i}`, way));
  try {
    await Promise.all(crowd.map((child) => child.next()));
    const figures: Contest[] = [];
    for (let round = 0; round < rounds; round++) {
      let conflicts = 0;
      const ms = await elapsedMs(async () => {
        const answers = await Promise.all(crowd.map((child) => child.ask(String(perRound))));
        conflicts = answers.reduce((sum, answer) => sum + Number(answer.conflicts), 0);
      });
      const count = processes * perRound;
      figures.push({ perSecond: (count * 1_000) / ms, conflicts: conflicts / count });
      await Promise.all(crowd.map((child) => child.ask("give back")));
    }
    return {
      perSecond: median(figures.map(({ perSecond }) => perSecond)),
      conflicts: median(figures.map(({ conflicts }) => conflicts)),
    };
  } finally {
    for (const child of crowd) child.end();
  }
}

async function makeBlocks(etcd: Etcd): Promise<void> {
  const store = openEtcdStore({ endpoints: [etcd.endpoint] });
  for (const cidr of blocks) {
    const value: IPAMBlock = {
      ...{ cidr, sequenceNumber: 1n, deleted: false },
      allocations: new Array<null>(perRound).fill(null),
      unallocated: Array.from({ length: perRound }, (_, ordinal) => ordinal),
      attributes: [{ handle_id: "net.all" }],
    };
    await store.commit([{ op: "create", key: { kind: "IPAMBlock", name: cidr }, value }]);
  }
  await store.close();
}

class Child {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;

  constructor(endpoint: string, node: string, way: string) {
    const program = fileURLToPath(new URL("ipamNode.ts", import.meta.url));
    const args = ["--conditions=brindle-source", program, endpoint, node, way];
    this.#process = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#answers = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  async next(): Promise<Readonly<Record<string, unknown>>> {
    const { value, done } = await this.#answers.next();
    if (done) throw new Error("a node's process ended");
    return JSON.parse(value);
  }

  ask(command: string): Promise<Readonly<Record<string, unknown>>> {
    this.#process.stdin.write(`${command}\n`);
    return this.next();
  }

  end(): void {
    this.#process.kill("SIGKILL");
  }
}

interface FirstBlocks {
  /** A node, in the middle. */
  readonly operations: number;
  readonly conflicts: number;
  readonly worst: { readonly operations: number; readonly conflicts: number };
  readonly ms: number;
}

/** All agents in this process, over one connection: what is counted is what each asks the store for. */
async function firstBlocks(
  instance: Instance,
  { count, ...way }: Way & { readonly count: number },
): Promise<FirstBlocks> {
  await using etcd = await startEtcd({ instance });
  // All at once, on a machine that has other work: what is counted is what each asks.
  const store = openEtcdStore({ endpoints: [etcd.endpoint], timeoutMs: 120_000 });
  const crowd = Array.from({ length: count }, (_, index) => firstOf(store, { ...way, index, of: count }));
  const ms = await elapsedMs(() => Promise.all(crowd.map(({ ask }) => ask())));
  await store.close();
  const counts = crowd.map(({ counts }) => counts);
  const mean = (of: keyof Counts) => counts.reduce((sum, each) => sum + each[of], 0) / count;
  const worst = (of: keyof Counts) => Math.max(...counts.map((each) => each[of]));
  return {
    ...{ operations: mean("operations"), conflicts: mean("conflicts"), ms },
    worst: { operations: worst("operations"), conflicts: worst("conflicts") },
  };
}

interface Counts {
  operations: number;
  conflicts: number;
}

interface Way {
  /** The pool. */
  readonly range: string;
  readonly isRanked: boolean;
}

function firstOf(
  store: Store,
  { range, isRanked, index, of }: Way & { readonly index: number; readonly of: number },
): { readonly counts: Counts; ask(): Promise<void> } {
  const counts: Counts = { operations: 0, conflicts: 0 };
  const counted: Pick<Store, "get" | "list" | "commit" | "transactions"> = {
    transactions: store.transactions,
    get: (key) => {
      counts.operations++;
      return store.get(key);
    },
    list: (kind, scope) => {
      counts.operations++;
      return store.list(kind, scope);
    },
    commit: async (writes) => {
      counts.operations++;
      const result = await store.commit(writes);
      if (result.kind === "conflict") counts.conflicts++;
      return result;
    },
  };
  const view: ClusterView = {
    pools: [
      {
        apiVersion: "projectcalico.org/v3",
        kind: "IPPool",
        metadata: { name: "pods" },
        spec: { cidr: range, blockSize: 26 },
      },
    ],
    ...{ nodeLabels: {}, reserved: [], settings: defaultIpamSettings },
    ...(isRanked && { rank: () => ({ index, of }) }),
  };
  const now = () => BigInt(Date.now()) * 1_000_000n;
  const allocator = new Allocator({ node: `node${index}` }, { store: counted, now, view: () => view });
  return {
    counts,
    ask: async () => {
      const attributes = { namespace: "default", pod: "first" };
      const result = await allocator.assign({ handleId: `net.first-${index}`, attributes, families: [4] });
      if (result.kind !== "assigned") throw new Error(`node${index}: ${result.kind}`);
    },
  };
}
