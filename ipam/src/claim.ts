/**
 * Where a node's next block lies. Nodes start at different places of a pool, so that many of them that claim at once
 * seldom want the same block; the datastore decides when they do.
 */
import {
  addressBits,
  addToAddress,
  containsPrefix,
  formatPrefix,
  overlaps,
  type Prefix,
  parsePrefix,
  prefixSize,
} from "@brindle/net";
import type { UsablePool } from "./pools.ts";
import { reservedRanges } from "./reservedRanges.ts";

export interface Occupied {
  /** The CIDRs of all blocks that there are, of any pool and size. */
  readonly blocks: Iterable<string>;
  /** What must not be given to a pod: blocks that lie wholly inside are of no use. */
  readonly reserved: readonly Prefix[];
}

export interface Claimant {
  readonly node: string;
  /** CIDRs of blocks that it claims and that do not exist yet, among others. */
  readonly begun: Iterable<string>;
  /** Its place among all nodes, where that is known. */
  readonly rank?: { readonly index: number; readonly of: number } | undefined;
  /** How many blocks others made first that it had chosen. */
  readonly lostClaims?: number;
}

/**
 * The blocks of the pool that do not exist yet: first those that the node has begun to claim, then from the node's own
 * starting place round to it again. A block that exists in another size is in the way as well: pools have been deleted
 * and made anew with other block sizes.
 */
export function* newBlocks(
  pool: UsablePool,
  occupied: Occupied,
  { node, begun, rank, lostClaims = 0 }: Claimant,
): Generator<string> {
  const existing = parseAll(occupied.blocks).filter((block) => overlaps(block, pool.prefix));
  const ofThisSize = new Set(existing.filter(({ length }) => length === pool.blockLength).map(formatPrefix));
  const ofOtherSize = existing.filter(({ length }) => length !== pool.blockLength);
  const reserved = reservedRanges(occupied.reserved);
  const obstacleOf = (block: Prefix): Prefix | null =>
    ofOtherSize.find((other) => overlaps(other, block)) ?? reserved.around(block);

  for (const block of parseAll(begun).filter((block) => isBlockOf(pool, block))) {
    if (!obstacleOf(block) && !ofThisSize.has(formatPrefix(block))) yield formatPrefix(block);
  }
  const count = 1n << BigInt(pool.blockLength - pool.prefix.length);
  for (const index of guesses(count, { node, lostClaims })) {
    const block = nthBlock(pool, index);
    if (!obstacleOf(block) && !ofThisSize.has(formatPrefix(block))) yield formatPrefix(block);
  }
  const start = rank ? startOf(rank, count) : BigInt(fnv32(node)) % count;
  for (let walked = 0n; walked < count; ) {
    const block = nthBlock(pool, (start + walked) % count);
    const obstacle = obstacleOf(block);
    if (!obstacle && !ofThisSize.has(formatPrefix(block))) yield formatPrefix(block);
    walked += obstacle ? blocksToPass(block, obstacle) : 1n;
  }
}

/** As far from all other nodes as the pool allows. */
function startOf({ index, of }: { readonly index: number; readonly of: number }, count: bigint): bigint {
  return ((BigInt(index) * count) / BigInt(Math.max(of, 1))) % count;
}

/**
 * Places to try before the walk, for who has lost a claim: those who began near each other would meet again at the end of each
 * run of taken blocks, at the next free one. Each time others.
 */
function guesses(count: bigint, { node, lostClaims }: { node: string; lostClaims: number }): bigint[] {
  const tries = lostClaims === 0 ? 0 : guessesMax;
  return Array.from({ length: tries }, (_, i) => BigInt(fnv32(`${lostClaims}/${i}/${node}`)) % count);
}

/** Enough to find one of the last thirtieth of a pool more often than not. */
const guessesMax = 32;

/** Whether a block is one that this pool would be cut into. */
export function isBlockOf(pool: UsablePool, block: Prefix): boolean {
  return block.length === pool.blockLength && containsPrefix(pool.prefix, block);
}

/** The same items, from a place that depends on the node: nodes that borrow at once begin at different blocks. */
export function inOrderOf<T>(node: string, items: readonly T[]): T[] {
  if (items.length === 0) return [];
  const start = fnv32(node) % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

/** FNV-1 of 32 bits, by which Calico too seeds the starting place. */
export function fnv32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash, 0x01000193) ^ byte;
  return hash >>> 0;
}

/** Half of an IPv6 pool may be reserved, so what is in the way is passed in one step. */
function blocksToPass(block: Prefix, obstacle: Prefix): bigint {
  const end = obstacle.address.value + prefixSize(obstacle);
  const blocks = (end - block.address.value) / prefixSize(block);
  return blocks > 1n ? blocks : 1n;
}

function nthBlock(pool: UsablePool, index: bigint): Prefix {
  const { address } = pool.prefix;
  const size = 1n << BigInt(addressBits[address.family] - pool.blockLength);
  return { address: addToAddress(address, index * size), length: pool.blockLength };
}

/** What is stored under a name that is no prefix is nobody's block. */
function parseAll(cidrs: Iterable<string>): Prefix[] {
  return [...cidrs].map(parsePrefix).filter((prefix) => prefix !== null);
}
