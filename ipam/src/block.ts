/**
 * What happens to one block, as values: a block in, a block out. A block is changed only by `take`, `takeAddress`, `renew` and
 * `giveBack`, each of which is one write and counts one sequence number on. Fields that we do not know are carried along.
 *
 * Callers hand in blocks without problems (`blockProblems`); what these functions assert is then our own doing.
 */
import { strict as assert } from "node:assert";
import type { BlockAttribute, IPAMBlock } from "@brindle/api";
import { type Address, addressBits, addToAddress, containsAddress, type Prefix, parsePrefix } from "@brindle/net";

/** How far into its block an address lies. */
export type Ordinal = number;

/** An address that a handle holds. The sequence number tells this holding from an earlier one of the same address. */
export interface HeldAddress {
  readonly address: Address;
  /** The CIDR of its block. */
  readonly block: string;
  readonly sequenceNumber: bigint;
}

/** Who gets an address: what Calico keeps in the block beside it. */
export interface Owner {
  readonly handleId: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export function newBlock(cidr: string, node: string, nowNs: bigint): IPAMBlock {
  const size = blockSize(cidr);
  return {
    cidr,
    affinity: affinityOf(node),
    affinity_claim_time: claimTime(nowNs),
    allocations: new Array<null>(size).fill(null),
    unallocated: Array.from({ length: size }, (_, ordinal) => ordinal),
    attributes: [],
    // From the clock, so that a block deleted and made anew never repeats a number that someone may still hold.
    sequenceNumber: nowNs,
    sequenceNumberForAllocation: {},
    deleted: false,
  };
}

/** The same block, now of this node. Not a write of its own: a `take` follows. */
export function claimFor(block: IPAMBlock, node: string, nowNs: bigint): IPAMBlock {
  return { ...block, affinity: affinityOf(node), affinity_claim_time: claimTime(nowNs) };
}

/** Takes the address that has been free longest, passing over what `isReserved`; `null` when nothing is left. */
export function take(
  block: IPAMBlock,
  owner: Owner,
  isReserved: (address: Address) => boolean,
): { readonly block: IPAMBlock; readonly held: HeldAddress } | null {
  const ordinal = firstFree(block, isReserved);
  return ordinal === undefined ? null : takeOrdinal(block, ordinal, owner);
}

/** Takes this very address, also one that rests; `null` where it is taken, or not of the block. */
export function takeAddress(
  block: IPAMBlock,
  owner: Owner,
  address: Address,
): { readonly block: IPAMBlock; readonly held: HeldAddress } | null {
  const ordinal = ordinalOf(block, address);
  if (ordinal === null) return null;
  const rested = restOf(block, ordinal) === null ? block : freed(block, [ordinal]);
  return rested.allocations[ordinal] === null ? takeOrdinal(rested, ordinal, owner) : null;
}

function takeOrdinal(
  block: IPAMBlock,
  ordinal: Ordinal,
  owner: Owner,
): { readonly block: IPAMBlock; readonly held: HeldAddress } {
  const { attributes, index } = withAttribute(block.attributes, owner);
  return {
    block: {
      ...block,
      allocations: block.allocations.with(ordinal, index),
      unallocated: block.unallocated.filter((other) => other !== ordinal),
      attributes,
      sequenceNumberForAllocation: { ...block.sequenceNumberForAllocation, [ordinal]: block.sequenceNumber },
      sequenceNumber: block.sequenceNumber + 1n,
    },
    held: { address: addressAt(block, ordinal), block: block.cidr, sequenceNumber: block.sequenceNumber },
  };
}

/**
 * Says anew that these addresses are held, as of now: under new sequence numbers, so that whoever took them for leaked
 * before finds another holding.
 */
export function renew(
  block: IPAMBlock,
  addresses: readonly Address[],
): { readonly block: IPAMBlock; readonly held: readonly HeldAddress[] } {
  const ordinals = addresses.flatMap((address) => ordinalOf(block, address) ?? []);
  const numbers = Object.fromEntries(ordinals.map((ordinal) => [ordinal, block.sequenceNumber]));
  const renewed = {
    ...block,
    sequenceNumberForAllocation: { ...block.sequenceNumberForAllocation, ...numbers },
    sequenceNumber: block.sequenceNumber + 1n,
  };
  return { block: renewed, held: ordinals.map((ordinal) => heldAt(renewed, ordinal)) };
}

/**
 * Gives addresses back. They are free at the tail, so that each rests as long as the block allows before its next use; one that
 * `rests` is nobody's and not free either, as Calico keeps it, until `thaw` finds that its time is over.
 */
export function giveBack(
  block: IPAMBlock,
  addresses: readonly Address[],
  { rests = () => false, nowNs = 0n }: Partial<Resting> = {},
): IPAMBlock {
  const ordinals = addresses.map((address) => {
    const ordinal = ordinalOf(block, address);
    assert(ordinal !== null && block.allocations[ordinal] !== null, `${block.cidr} does not hold ${address.value}`);
    return ordinal;
  });
  const resting = ordinals.filter((ordinal) => rests(addressAt(block, ordinal)));
  const free = freed(
    block,
    ordinals.filter((ordinal) => !resting.includes(ordinal)),
  );
  return { ...(resting.length > 0 ? parked(free, resting, nowNs) : free), sequenceNumber: block.sequenceNumber + 1n };
}

/** Which of the addresses that are given back are to rest, and since when. */
export interface Resting {
  readonly rests: (address: Address) => boolean;
  readonly nowNs: bigint;
}

/** The block with those free again that have rested for so long; Calico does so whenever it reads one. Not a write of its own. */
export function thaw(block: IPAMBlock, { nowNs, restSeconds }: { nowNs: bigint; restSeconds: number }): IPAMBlock {
  if (withoutResting.has(block.attributes)) return block;
  if (!block.attributes.some((attribute) => attribute.releasedAt !== undefined)) {
    withoutResting.add(block.attributes);
    return block;
  }
  const dueMs = Number(nowNs / 1_000_000n) - restSeconds * 1000;
  const due = [...block.allocations.keys()]
    .map((ordinal) => ({ ordinal, sinceMs: restOf(block, ordinal) ?? Number.POSITIVE_INFINITY }))
    .filter(({ sinceMs }) => sinceMs <= dueMs)
    .toSorted((a, b) => a.sinceMs - b.sinceMs);
  return due.length === 0
    ? block
    : freed(
        block,
        due.map(({ ordinal }) => ordinal),
      );
}

/** Lists of attributes never change, and each plan asks of all blocks of its node. */
const withoutResting = new WeakSet<readonly BlockAttribute[]>();

/** Whether it was given back and rests: nobody's, and not free yet. */
export function isParked(block: IPAMBlock, ordinal: Ordinal): boolean {
  return restOf(block, ordinal) !== null;
}

/** Since when the address rests, in ms since 1970; `null` for one that does not. */
function restOf({ allocations, attributes }: IPAMBlock, ordinal: Ordinal): number | null {
  const index = allocations[ordinal] ?? null;
  const since = index === null ? undefined : attributes[index]?.releasedAt;
  return since === undefined ? null : Date.parse(since);
}

function freed(block: IPAMBlock, ordinals: readonly Ordinal[]): IPAMBlock {
  const gone = new Set(ordinals);
  const numbers = Object.entries(block.sequenceNumberForAllocation ?? {});
  return {
    ...block,
    ...withoutUnusedAttributes(
      block.allocations.map((index, ordinal) => (gone.has(ordinal) ? null : index)),
      block.attributes,
    ),
    unallocated: [...block.unallocated, ...ordinals],
    sequenceNumberForAllocation: Object.fromEntries(numbers.filter(([ordinal]) => !gone.has(Number(ordinal)))),
  };
}

/** Without the handle, so that no release finds them again. In whole seconds, and never less than was asked for. */
function parked(block: IPAMBlock, ordinals: readonly Ordinal[], nowNs: bigint): IPAMBlock {
  const releasedAt = claimTime(nowNs + 999_999_999n);
  const allocations = block.allocations.map((index, ordinal) =>
    ordinals.includes(ordinal) ? block.attributes.length : index,
  );
  return { ...block, ...withoutUnusedAttributes(allocations, [...block.attributes, { releasedAt }]) };
}

/** The addresses of a block that a handle holds, in order. */
export function addressesOf(block: IPAMBlock, handleId: string): HeldAddress[] {
  const indexes = indexesOf(block, handleId);
  if (indexes.size === 0) return [];
  return block.allocations.flatMap((index, ordinal) => (indexes.has(index) ? [heldAt(block, ordinal)] : []));
}

const noIndexes: ReadonlySet<number | null> = new Set();

/** Asked of all blocks of a node at each request, and nearly none has any. */
function indexesOf({ attributes }: IPAMBlock, handleId: string): ReadonlySet<number | null> {
  const known = indexesByHandle.get(attributes);
  if (known) return known.get(handleId) ?? noIndexes;
  // Who has been asked before stays as it is: a full block. The one that is being filled is another at each request.
  if (known === null) {
    const all = new Map<string, Set<number>>();
    for (const [index, attribute] of attributes.entries()) addTo(all, handleOf(attribute), index);
    indexesByHandle.set(attributes, all);
    return all.get(handleId) ?? noIndexes;
  }
  indexesByHandle.set(attributes, null);
  let indexes: Set<number | null> | null = null;
  for (let index = 0; index < attributes.length; index++) {
    const attribute = attributes[index];
    if (!attribute?.handle_id?.startsWith(handleId) || handleOf(attribute) !== handleId) continue;
    indexes ??= new Set();
    indexes.add(index);
  }
  return indexes ?? noIndexes;
}

/** Lists of attributes never change. `null` for one that was gone through once. */
const indexesByHandle = new WeakMap<readonly BlockAttribute[], ReadonlyMap<string, ReadonlySet<number>> | null>();

function addTo(all: Map<string, Set<number>>, handleId: string | undefined, index: number): void {
  if (handleId === undefined) return;
  const indexes = all.get(handleId);
  if (indexes) indexes.add(index);
  else all.set(handleId, new Set([index]));
}

export function heldAt(block: IPAMBlock, ordinal: Ordinal): HeldAddress {
  // Blocks written by old releases have no numbers by address; Calico reads those as zero.
  const sequenceNumber = block.sequenceNumberForAllocation?.[ordinal] ?? 0n;
  return { address: addressAt(block, ordinal), block: block.cidr, sequenceNumber };
}

/** Who holds the addresses that point to this attribute, or `undefined`. */
export function handleOf(attribute: BlockAttribute): string | undefined {
  // Calico's cooldown parks a released address with this mark: it is not free yet, but nobody's any more.
  if ("releasedAt" in attribute) return undefined;
  // Handles that came from Calico's migration of host-local files carry rubbish after a carriage return.
  const end = attribute.handle_id?.indexOf("\r") ?? -1;
  return end < 0 ? attribute.handle_id : attribute.handle_id?.slice(0, end);
}

export function isFree(block: IPAMBlock, isReserved: (address: Address) => boolean): boolean {
  return firstFree(block, isReserved) !== undefined;
}

export function isEmpty(block: IPAMBlock): boolean {
  return block.allocations.every((index) => index === null);
}

/** Who claims the blocks of Services' addresses, in place of a node; no node's name has a colon. */
export const loadBalancer = "virtual:load-balancer";

/** The affinity of a node's block, or of `loadBalancer`'s. */
export function affinityOf(node: string): string {
  return node === loadBalancer ? node : `host:${node}`;
}

/** The node whose block this is, or `null`. */
export function nodeOf(block: IPAMBlock): string | null {
  return block.affinity?.startsWith("host:") ? block.affinity.slice("host:".length) : null;
}

export function prefixOf(block: IPAMBlock): Prefix {
  const known = prefixes.get(block);
  if (known) return known;
  const prefix = parsePrefix(block.cidr);
  assert(prefix, `block ${block.cidr} is no prefix`);
  prefixes.set(block, prefix);
  return prefix;
}

/** Each plan asks of every block of its node, and each address of its own. */
const prefixes = new WeakMap<IPAMBlock, Prefix>();

export function addressAt(block: IPAMBlock, ordinal: Ordinal): Address {
  return addToAddress(prefixOf(block).address, BigInt(ordinal));
}

/** `null` for an address outside the block. */
export function ordinalOf(block: IPAMBlock, address: Address): Ordinal | null {
  const prefix = prefixOf(block);
  return containsAddress(prefix, address) ? Number(address.value - prefix.address.value) : null;
}

function firstFree(block: IPAMBlock, isReserved: (address: Address) => boolean): Ordinal | undefined {
  return block.unallocated.find((ordinal) => !isReserved(addressAt(block, ordinal)));
}

/** Addresses of one owner share an entry, as long as the entry says nothing else: not one with Calico's newer fields. */
function withAttribute(
  attributes: readonly BlockAttribute[],
  { handleId, attributes: secondary }: Owner,
): { readonly attributes: readonly BlockAttribute[]; readonly index: number } {
  const index = attributes.findIndex(
    (other) => other.handle_id === handleId && Object.keys(other).length === 2 && sameText(other.secondary, secondary),
  );
  if (index >= 0) return { attributes, index };
  // Sorted, as Go writes a map: then what we write and Calico rewrites stays the same text.
  const sorted = Object.fromEntries(Object.entries(secondary).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { attributes: [...attributes, { handle_id: handleId, secondary: sorted }], index: attributes.length };
}

function sameText(a: Readonly<Record<string, string>> = {}, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

/** Drops the attributes that no address points to any more, and points the addresses at the new places of the rest. */
function withoutUnusedAttributes(
  allocations: readonly (number | null)[],
  attributes: readonly BlockAttribute[],
): Pick<IPAMBlock, "allocations" | "attributes"> {
  const used = new Set(allocations);
  const newIndex = new Map<number, number>();
  for (const index of attributes.keys()) if (used.has(index)) newIndex.set(index, newIndex.size);
  return {
    allocations: allocations.map((index) => (index === null ? null : (newIndex.get(index) ?? null))),
    attributes: attributes.filter((_, index) => used.has(index)),
  };
}

function blockSize(cidr: string): number {
  const prefix = parsePrefix(cidr);
  assert(prefix, `block ${cidr} is no prefix`);
  const bits = addressBits[prefix.address.family] - prefix.length;
  assert(bits <= blockBitsMax, `block ${cidr} is too large`);
  return 2 ** bits;
}

/** Calico allows blocks from /20 and /116 on. */
export const blockBitsMax = 12;

/** RFC 3339 in whole seconds, as Kubernetes writes times. */
function claimTime(nowNs: bigint): string {
  return `${new Date(Number(nowNs / 1_000_000n)).toISOString().slice(0, 19)}Z`;
}
