/**
 * One node's agent in a process of its own: `ETCD NODE WAY`, then on each line of standard input a count, of which so many addresses
 * are taken, eight requests at once, and given back when all processes have theirs. `WAY` is `allocator`, or `blind`: what a plugin
 * does that gets a block, takes an address, and swaps it or begins anew.
 */
import { createInterface } from "node:readline";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { IPPool, Item, Store } from "@brindle/api";
import { openEtcdStore } from "@brindle/api/shell/etcd";
import { Allocator, defaultIpamSettings } from "@brindle/ipam";

export const blocks: readonly string[] = Array.from({ length: 8 }, (_, i) => `10.8.${i >> 2}.${(i & 3) * 64}/26`);
export const pool: IPPool = {
  apiVersion: "projectcalico.org/v3",
  kind: "IPPool",
  metadata: { name: "hot" },
  spec: { cidr: "10.8.0.0/23", blockSize: 26 },
};

type Way = (id: string) => Promise<number>;
const atOnce = 8;

if (import.meta.main) await main(process.argv.slice(2));

async function main([endpoint = "", node = "", way = ""]: readonly string[]): Promise<void> {
  const store = openEtcdStore({ endpoints: [endpoint] });
  const { take, giveBack } = way === "blind" ? blindly(store) : allocated(store, node);
  const commands = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  console.log(JSON.stringify({ ready: true }));
  for (let round = 0; ; round++) {
    const { value } = await commands.next();
    const count = Number(value);
    if (!(count > 0)) break;
    const ids = Array.from({ length: count }, (_, i) => `net.${node}-${round}-${i}`);
    const conflicts = await inParallel(ids, take);
    console.log(JSON.stringify({ taken: count, conflicts }));
    await commands.next();
    await inParallel(ids, giveBack);
    console.log(JSON.stringify({ released: count }));
  }
  await store.close();
}

async function inParallel(ids: readonly string[], work: Way): Promise<number> {
  const rest = [...ids];
  let sum = 0;
  const worker = async (): Promise<void> => {
    for (let id = rest.shift(); id !== undefined; id = rest.shift()) sum += await work(id);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return sum;
}

function allocated(store: Store, node: string): { readonly take: Way; readonly giveBack: Way } {
  let conflicts = 0;
  const counted: Store = Object.assign(Object.create(store), {
    transactions: store.transactions,
    get: store.get.bind(store),
    list: store.list.bind(store),
    commit: async (writes: Parameters<Store["commit"]>[0]) => {
      const result = await store.commit(writes);
      if (result.kind === "conflict") conflicts++;
      return result;
    },
  });
  const index = Number(node.slice("node".length));
  const view = {
    ...{ pools: [pool], nodeLabels: {}, reserved: [], settings: defaultIpamSettings },
    rank: () => ({ index, of: blocks.length }),
  };
  const now = () => BigInt(Date.now()) * 1_000_000n;
  const allocator = new Allocator({ node }, { store: counted, now, view: () => view, gathering: nextTurn });
  return {
    take: async (handleId) => {
      const before = conflicts;
      const attributes = { namespace: "default", pod: handleId };
      const result = await allocator.assign({ handleId, attributes, families: [4] });
      if (result.kind !== "assigned") throw new Error(`${handleId}: ${result.kind}`);
      return conflicts - before;
    },
    giveBack: async (handleId) => {
      await allocator.release(handleId);
      return 0;
    },
  };
}

/** Any of the blocks that has room, as plugins do whose blocks are nobody's. */
function blindly(store: Store): { readonly take: Way; readonly giveBack: Way } {
  const change = async (name: string, edit: (item: Item<"IPAMBlock">) => readonly (number | null)[] | null) => {
    const item = await store.get({ kind: "IPAMBlock", name });
    const allocations = item && edit(item);
    if (!allocations) return "full" as const;
    const unallocated = allocations.flatMap((index, ordinal) => (index === null ? [ordinal] : []));
    const value = { ...item.value, allocations, unallocated };
    const result = await store.commit([{ op: "update", key: item.key, value, revision: item.revision }]);
    return result.kind;
  };
  const held = new Map<string, { readonly block: string; readonly ordinal: number }>();
  return {
    take: async (id) => {
      for (let conflicts = 0; ; ) {
        const block = blocks[Math.floor(Math.random() * blocks.length)] ?? "";
        let ordinal = -1;
        const outcome = await change(block, ({ value }) => {
          ordinal = value.unallocated[0] ?? -1;
          return ordinal < 0 ? null : value.allocations.with(ordinal, 0);
        });
        if (outcome === "committed") {
          held.set(id, { block, ordinal });
          return conflicts;
        }
        if (outcome === "conflict") conflicts++;
      }
    },
    giveBack: async (id) => {
      const { block, ordinal } = held.get(id) ?? { block: "", ordinal: 0 };
      while ((await change(block, ({ value }) => value.allocations.with(ordinal, null))) === "conflict");
      return 0;
    },
  };
}
