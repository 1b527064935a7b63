/** What a refusal for want of addresses says: how full each pool is, and what keeps the node from what is left. */
import type { IPAMBlock } from "@brindle/api";
import { containsPrefix, formatPrefix, prefixSize } from "@brindle/net";
import { isParked, prefixOf } from "./block.ts";
import {
  mayClaim,
  ownedCount,
  type PlaceFacts,
  type PlaceRequest,
  type PoolsExhausted,
  type PoolUse,
} from "./placement.ts";
import type { UsablePool } from "./pools.ts";
import { type ReservedRanges, reservedRanges } from "./reservedRanges.ts";
import { type IpamState, soundBlocks } from "./state.ts";
import { reservedInUse } from "./summary.ts";

export function exhausted(
  state: IpamState,
  { usable, request }: { readonly usable: readonly UsablePool[]; readonly request: PlaceRequest },
  facts: PlaceFacts,
): PoolsExhausted {
  const ranges = reservedRanges(facts.view.reserved);
  const pools = usable.map((pool) => useOf(pool, state, ranges));
  const isLeft = pools.some(({ addresses, inUse, resting, reserved }) => addresses > inUse + resting + reserved);
  return {
    kind: "poolExhausted",
    family: request.family,
    pools,
    limits: isLeft ? limitsOf(state, request, facts) : [],
  };
}

function useOf(pool: UsablePool, state: IpamState, ranges: ReservedRanges): PoolUse {
  const blocks = soundBlocks(state)
    .map(({ value }) => value)
    .filter((block) => containsPrefix(pool.prefix, prefixOf(block)));
  const taken = sumOf(blocks, ({ allocations, unallocated }) => allocations.length - unallocated.length);
  const resting = sumOf(blocks, restingIn);
  const takenAndReserved = blocks.reduce((sum, block) => sum + reservedInUse(block, ranges), 0n);
  return {
    pool: pool.isPart ? `${formatPrefix(pool.prefix)} of ${pool.name}` : pool.name,
    addresses: prefixSize(pool.prefix),
    inUse: taken - resting,
    resting,
    reserved: ranges.countWithin(pool.prefix) - takenAndReserved,
  };
}

function sumOf(blocks: readonly IPAMBlock[], count: (block: IPAMBlock) => number): bigint {
  return BigInt(blocks.reduce((sum, block) => sum + count(block), 0));
}

function restingIn(block: IPAMBlock): number {
  return block.allocations.keys().reduce((sum, ordinal) => sum + (isParked(block, ordinal) ? 1 : 0), 0);
}

function limitsOf(state: IpamState, request: PlaceRequest, facts: PlaceFacts): string[] {
  const { autoAllocateBlocks, strictAffinity } = facts.view.settings;
  const count = ownedCount(state, request);
  const blocks = `this node has ${count} ${count === 1 ? "block" : "blocks"} of IPv${request.family}`;
  const claim = autoAllocateBlocks ? `${blocks}, as many as it may have` : "nodes may take no further blocks";
  return [
    ...(mayClaim(state, request, facts) ? [] : [claim]),
    ...(strictAffinity ? ["strictAffinity keeps it from the blocks of other nodes"] : []),
  ];
}
