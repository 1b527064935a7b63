/** What there is and who has it, for operators: rows by pool and by block, borrowed addresses, one address. */
import type { IPAMBlock, IPPool } from "@brindle/api";
import { type Address, compareAddresses, containsPrefix, type Prefix, parsePrefix, prefixSize } from "@brindle/net";
import { addressAt, handleOf, heldAt, nodeOf, ordinalOf, prefixOf } from "./block.ts";
import { blockProblems } from "./blockProblems.ts";
import { parsePool } from "./pools.ts";
import { type ReservedRanges, reservedRanges } from "./reservedRanges.ts";

export interface IpamSummary {
  readonly pools: readonly PoolSummary[];
  /** Blocks that lie in no pool: their pool was deleted while pods used it. */
  readonly strays: readonly BlockSummary[];
  readonly borrowed: readonly BorrowedAddress[];
}

export interface Usage {
  readonly cidr: string;
  readonly addresses: bigint;
  readonly inUse: bigint;
  /** Not to be given to pods, and not in use. */
  readonly reserved: bigint;
  readonly free: bigint;
}

export interface PoolSummary extends Usage {
  readonly name: string;
  readonly blocks: readonly BlockSummary[];
}

export interface BlockSummary extends Usage {
  /** `null` for a block without a node. */
  readonly node: string | null;
  /** What is wrong with it; its figures then are guesses. */
  readonly problems: readonly string[];
  /** Of those in use, how many were reserved after they were given. */
  readonly reservedInUse: bigint;
}

/** An address that is used on another node than its block's. */
export interface BorrowedAddress {
  readonly address: Address;
  readonly block: string;
  readonly blockNode: string | null;
  readonly node: string;
  readonly holder: Holder;
}

export interface Holder {
  readonly handleId: string | null;
  readonly attributes: Readonly<Record<string, string>>;
  readonly sequenceNumber: bigint;
}

/** The pod or the Service whose it is, as a person calls it; `null` of anything else. */
export function ownerInWords({ namespace, pod, service }: Holder["attributes"]): string | null {
  const within = namespace === undefined ? "" : `${namespace}/`;
  if (pod !== undefined) return `pod ${within}${pod}`;
  return service === undefined ? null : `Service ${within}${service}`;
}

export type AddressUse =
  | { readonly kind: "inUse"; readonly block: string; readonly blockNode: string | null; readonly holder: Holder }
  /** Given back, and not to be given again yet. */
  | { readonly kind: "resting"; readonly block: string; readonly blockNode: string | null; readonly since: string }
  | { readonly kind: "free"; readonly block: string; readonly blockNode: string | null }
  /** No block holds it, so nobody can have it. */
  | { readonly kind: "noBlock" };

export function summarise(
  pools: readonly IPPool[],
  blocks: readonly IPAMBlock[],
  reserved: readonly Prefix[],
): IpamSummary {
  const ranges = reservedRanges(reserved);
  const ordered = blocks.filter(({ cidr }) => parsePrefix(cidr)).toSorted(byAddress);
  const summaries = ordered.map((block) => ({ prefix: prefixOf(block), row: summariseBlock(block, ranges) }));
  const rows = pools.flatMap((pool) => {
    const parsed = parsePool(pool);
    // A pool that can hold no blocks has nothing to show; `choosePools` tells what is wrong with it.
    if ("reason" in parsed) return [];
    const within = summaries.filter(({ prefix }) => containsPrefix(parsed.prefix, prefix)).map(({ row }) => row);
    return [summarisePool(pool, parsed.prefix, { blocks: within, reserved: ranges })];
  });
  const inPools = new Set(rows.flatMap((pool) => pool.blocks));
  return {
    pools: rows,
    strays: summaries.map(({ row }) => row).filter((row) => !inPools.has(row)),
    borrowed: ordered.flatMap(borrowedFrom),
  };
}

export function whoHolds(blocks: readonly IPAMBlock[], address: Address): AddressUse {
  for (const block of blocks) {
    const ordinal = parsePrefix(block.cidr) ? ordinalOf(block, address) : null;
    if (ordinal === null) continue;
    const at = { block: block.cidr, blockNode: nodeOf(block) };
    const since = block.attributes[block.allocations[ordinal] ?? -1]?.releasedAt;
    if (since !== undefined) return { kind: "resting", ...at, since };
    const holder = holderOf(block, ordinal);
    return holder ? { kind: "inUse", ...at, holder } : { kind: "free", ...at };
  }
  return { kind: "noBlock" };
}

/** In whole percent, rounded; all of nothing is 100. */
export function percentOf(part: bigint, whole: bigint): number {
  return whole === 0n ? 100 : Number((part * 200n + whole) / (whole * 2n));
}

function summarisePool(
  pool: IPPool,
  prefix: Prefix,
  { blocks, reserved }: { blocks: readonly BlockSummary[]; reserved: ReservedRanges },
): PoolSummary {
  const inUse = blocks.reduce((sum, block) => sum + block.inUse, 0n);
  // Reserved after it was given, an address is both; here it is in use, so that the columns add up.
  const inUseAndReserved = blocks.reduce((sum, block) => sum + block.reservedInUse, 0n);
  const counted = reserved.countWithin(prefix) - inUseAndReserved;
  const addresses = prefixSize(prefix);
  const usage = { addresses, inUse, reserved: counted, free: addresses - inUse - counted };
  return { name: pool.metadata.name, cidr: pool.spec.cidr, ...usage, blocks };
}

function summariseBlock(block: IPAMBlock, ranges: ReservedRanges): BlockSummary {
  const prefix = prefixOf(block);
  const addresses = prefixSize(prefix);
  const inUse = countWhere(block, (index) => index !== null);
  const reserved = countWhere(block, (index, address) => index === null && ranges.has(address));
  return {
    cidr: block.cidr,
    ...{ addresses, inUse, reserved, free: addresses - inUse - reserved },
    reservedInUse: reservedInUse(block, ranges),
    node: nodeOf(block),
    problems: blockProblems(block),
  };
}

/** How many of a block's addresses are taken and reserved. */
export function reservedInUse(block: IPAMBlock, ranges: ReservedRanges): bigint {
  if (ranges.countWithin(prefixOf(block)) === 0n) return 0n;
  return countWhere(block, (index, address) => index !== null && ranges.has(address));
}

function countWhere(block: IPAMBlock, counts: (index: number | null, address: Address) => boolean): bigint {
  return BigInt(block.allocations.filter((index, ordinal) => counts(index, addressAt(block, ordinal))).length);
}

function borrowedFrom(block: IPAMBlock): BorrowedAddress[] {
  const blockNode = nodeOf(block);
  return [...block.allocations.keys()].flatMap((ordinal) => {
    const holder = holderOf(block, ordinal);
    const node = holder?.attributes.node;
    if (!holder || node === undefined || node === blockNode) return [];
    return [{ address: addressAt(block, ordinal), block: block.cidr, blockNode, node, holder }];
  });
}

function holderOf(block: IPAMBlock, ordinal: number): Holder | null {
  const index = block.allocations[ordinal];
  if (index === null || index === undefined) return null;
  // A block may be unsound: that an address is in use counts, even where the attribute is missing.
  const attribute = block.attributes[index] ?? {};
  return {
    handleId: handleOf(attribute) ?? null,
    attributes: attribute.secondary ?? {},
    sequenceNumber: heldAt(block, ordinal).sequenceNumber,
  };
}

function byAddress(a: IPAMBlock, b: IPAMBlock): number {
  return compareAddresses(prefixOf(a).address, prefixOf(b).address);
}
