/**
 * What is wrong with a block that was read: the checks of `calicoctl ipam check`, as values. A block with a problem is
 * never assigned from or released into, since either could give one address to two pods.
 */
import type { IPAMBlock } from "@brindle/api";
import { addressBits, parsePrefix } from "@brindle/net";
import { blockBitsMax } from "./block.ts";

/** Each a sentence without a full stop, such as `ordinal 3 is both allocated and free`. None for a sound block. */
export function blockProblems(block: IPAMBlock): readonly string[] {
  const known = checked.get(block);
  if (known) return known;
  const problems = findProblems(block);
  checked.set(block, problems);
  return problems;
}

/** Blocks are values that never change, and every plan asks about each block of its node: half the time of a plan. */
const checked = new WeakMap<IPAMBlock, readonly string[]>();

function findProblems(block: IPAMBlock): string[] {
  const prefix = parsePrefix(block.cidr);
  if (!prefix) return [`${JSON.stringify(block.cidr)} is no prefix`];
  const bits = addressBits[prefix.address.family] - prefix.length;
  if (bits > blockBitsMax) return [`a /${prefix.length} is too large for a block`];
  return [...sizeProblems(block, 2 ** bits), ...allocationProblems(block), ...freeProblems(block)];
}

function sizeProblems({ allocations, unallocated }: IPAMBlock, size: number): string[] {
  const problems: string[] = [];
  if (allocations.length !== size) problems.push(`${allocations.length} allocations in a block of ${size} addresses`);
  let allocated = 0;
  for (const index of allocations) if (index !== null) allocated++;
  if (allocated + unallocated.length !== size) {
    problems.push(`${allocated} allocated and ${unallocated.length} free addresses in a block of ${size}`);
  }
  return problems;
}

function allocationProblems({ allocations, attributes }: IPAMBlock): string[] {
  const problems: string[] = [];
  for (let ordinal = 0; ordinal < allocations.length; ordinal++) {
    const index = allocations[ordinal] ?? null;
    if (index !== null && !attributes[index])
      problems.push(`ordinal ${ordinal} points to attribute ${index} of ${attributes.length}`);
  }
  return problems;
}

function freeProblems({ allocations, unallocated }: IPAMBlock): string[] {
  const problems: string[] = [];
  const seen = new Set<number>();
  for (const ordinal of unallocated) {
    if (seen.has(ordinal)) problems.push(`ordinal ${ordinal} is twice in the list of free ones`);
    seen.add(ordinal);
    if (allocations[ordinal] === undefined) problems.push(`ordinal ${ordinal} lies outside the block`);
    else if (allocations[ordinal] !== null) problems.push(`ordinal ${ordinal} is both allocated and free`);
  }
  return problems;
}
