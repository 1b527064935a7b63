/** Finds one address of a family: in a block of the node's own, in a new one, or in somebody else's. */
import type { Item, Write } from "@brindle/api";
import { type Address, containsPrefix, type Family, parsePrefix, prefixSize } from "@brindle/net";
import type { AssignRequest, ClusterView } from "./assign.ts";
import { affinityOf, claimFor, type HeldAddress, newBlock, prefixOf, take } from "./block.ts";
import { inOrderOf, isBlockOf, newBlocks } from "./claim.ts";
import { choosePools, type PoolQuery, type RefusedPool, type UsablePool } from "./pools.ts";
import { blockWrite, confirm, type IpamState, soundBlocks } from "./state.ts";

export type PlaceRequest = AssignRequest & { readonly family: Family };

export interface PlaceFacts {
  readonly view: ClusterView;
  readonly nowNs: bigint;
  readonly isReserved: (address: Address) => boolean;
}

export interface Placement {
  readonly kind: "placed";
  readonly held: HeldAddress;
  readonly writes: readonly Write[];
}

export type PlaceRefusal =
  /** No pool may serve this pod. `refused` says why for each that might have been meant. */
  | { readonly kind: "noPool"; readonly family: Family; readonly refused: readonly RefusedPool[] }
  /** Every pool that may serve it is full, or the node may not use what is left. */
  | { readonly kind: "poolExhausted"; readonly family: Family; readonly pools: readonly PoolUse[] };

/** How full a pool is. */
export interface PoolUse {
  readonly pool: string;
  readonly addresses: bigint;
  readonly inUse: bigint;
}

/** So many are dropped at once; the transaction has other work to do. */
const lostClaimsMax = 8;

export function place(
  state: IpamState,
  request: PlaceRequest,
  facts: PlaceFacts,
): Placement | { readonly kind: "list" } | PlaceRefusal {
  const { family, node } = request;
  const { settings } = facts.view;
  const { usable, refused } = choosePools(facts.view.pools, poolQuery(request, facts.view));
  if (usable.length === 0) return { kind: "noPool", family, refused };
  const blocks = usable.flatMap((pool) => blocksIn(state, pool));
  const isOwn = ({ value }: Item<"IPAMBlock">): boolean => value.affinity === affinityOf(node);

  // 1. A block that the node owns.
  const own = fromOwn(state, blocks.filter(isOwn), request, facts);
  if (own) return own;
  // What follows would be wrong on a partial view: a block unknown here may be the node's own, or in the way.
  if (!state.complete) return { kind: "list" };
  if (settings.autoAllocateBlocks && ownedCount(state, request) < settings.blocksPerNodeMax) {
    const claimed =
      // 2. A block that nobody has made yet.
      fromNew(state, usable, request, facts) ??
      // 3. A block whose node gave it up while pods still used it: as good as new.
      fromOrphan(state, blocks, request, facts);
    if (claimed) return claimed;
  }
  // 4. A block of another node.
  const borrowed = settings.strictAffinity ? null : fromOthers(blocks, request, facts);
  return borrowed ?? { kind: "poolExhausted", family, pools: usable.map((pool) => useOf(pool, state)) };
}

function fromOwn(
  state: IpamState,
  own: readonly Item<"IPAMBlock">[],
  request: PlaceRequest,
  facts: PlaceFacts,
): Placement | null {
  for (const item of own) {
    const taken = take(item.value, request, facts.isReserved);
    if (taken) return placed(taken.held, [blockWrite(item, taken.block), confirm(state, request.node, item.key.name)]);
  }
  return null;
}

function fromNew(
  state: IpamState,
  pools: readonly UsablePool[],
  request: PlaceRequest,
  { nowNs, isReserved, view: { reserved } }: PlaceFacts,
): Placement | null {
  const { node } = request;
  const existing = [...presentIn(state.blocks), ...state.undecodable];
  const begun = presentIn(state.affinities);
  for (const pool of pools) {
    for (const cidr of newBlocks(pool, { blocks: existing, reserved }, { node, begun })) {
      const taken = take(newBlock(cidr, node, nowNs), request, isReserved);
      const writes = taken && [
        blockWrite(null, taken.block),
        confirm(state, node, cidr),
        ...dropLostClaims(state, request),
      ];
      if (writes) return placed(taken.held, writes);
    }
  }
  return null;
}

function fromOrphan(
  state: IpamState,
  blocks: readonly Item<"IPAMBlock">[],
  request: PlaceRequest,
  { nowNs, isReserved }: PlaceFacts,
): Placement | null {
  const { node } = request;
  for (const item of blocks) {
    if (item.value.affinity !== undefined) continue;
    const taken = take(claimFor(item.value, node, nowNs), request, isReserved);
    if (taken) return placed(taken.held, [blockWrite(item, taken.block), confirm(state, node, item.key.name)]);
  }
  return null;
}

/** Writes the block alone: the affinity is another node's, and stays so. */
function fromOthers(
  blocks: readonly Item<"IPAMBlock">[],
  request: PlaceRequest,
  { isReserved }: PlaceFacts,
): Placement | null {
  for (const item of inOrderOf(request.node, blocks)) {
    // `virtual:load-balancer` blocks are for Services, whatever their pool allows now.
    if (item.value.affinity?.startsWith("virtual:")) continue;
    const taken = take(item.value, request, isReserved);
    if (taken) return placed(taken.held, [blockWrite(item, taken.block)]);
  }
  return null;
}

/**
 * Affinities of the node for blocks that are another's by now: two nodes would announce one block. Those of one family,
 * since a request for both makes one transaction, which may name a key but once.
 */
function dropLostClaims({ affinities, blocks }: IpamState, { node, family }: PlaceRequest): Write[] {
  return [...affinities]
    .filter(([cidr]) => {
      const block = blocks.get(cidr);
      return block && block.value.affinity !== affinityOf(node) && parsePrefix(cidr)?.address.family === family;
    })
    .flatMap(([, item]): Write[] => (item ? [{ op: "delete", key: item.key, revision: item.revision }] : []))
    .slice(0, lostClaimsMax);
}

function placed(held: HeldAddress, writes: readonly Write[]): Placement {
  return { kind: "placed", held, writes };
}

function blocksIn(state: IpamState, pool: UsablePool): Item<"IPAMBlock">[] {
  return soundBlocks(state).filter(({ value }) => isBlockOf(pool, prefixOf(value)));
}

function presentIn(items: ReadonlyMap<string, Item | null>): string[] {
  return [...items].flatMap(([cidr, item]) => (item ? [cidr] : []));
}

/** How many blocks of the family the node owns, in whatever pool. */
function ownedCount(state: IpamState, { node, family }: PlaceRequest): number {
  return soundBlocks(state).filter(
    ({ value }) => value.affinity === affinityOf(node) && prefixOf(value).address.family === family,
  ).length;
}

function useOf(pool: UsablePool, state: IpamState): PoolUse {
  const within = soundBlocks(state).filter(({ value }) => containsPrefix(pool.prefix, prefixOf(value)));
  const inUse = within.reduce((sum, { value }) => sum + value.allocations.length - value.unallocated.length, 0);
  return { pool: pool.name, addresses: prefixSize(pool.prefix), inUse: BigInt(inUse) };
}

function poolQuery({ family, pools, namespaceLabels }: PlaceRequest, { nodeLabels }: ClusterView): PoolQuery {
  const asked = pools?.[family];
  return { family, nodeLabels, ...(namespaceLabels && { namespaceLabels }), ...(asked && { asked }) };
}
