/** Handles: under which name an attachment holds its addresses, and how many in which block. */
import type { IPAMHandle } from "@brindle/api";
import type { HeldAddress } from "./block.ts";

/** The blocks that a handle says it has addresses in. A handle marked `deleted` says nothing any more. */
export function blocksOf(handle: IPAMHandle | undefined): string[] {
  return handle && !handle.deleted ? Object.keys(handle.block) : [];
}

/** The handle with these counts; blocks with none are left out. Fields that we do not know are carried along. */
export function handleWith(before: IPAMHandle | undefined, counts: ReadonlyMap<string, number>): IPAMHandle {
  const block = Object.fromEntries([...counts].filter(([, count]) => count > 0));
  return { ...before, block, deleted: false };
}

export function hasCounts(handle: IPAMHandle, counts: ReadonlyMap<string, number>): boolean {
  const wanted = handleWith(undefined, counts).block;
  const cidrs = Object.keys(wanted);
  return (
    !handle.deleted &&
    cidrs.length === Object.keys(handle.block).length &&
    cidrs.every((cidr) => handle.block[cidr] === wanted[cidr])
  );
}

export function countByBlock(held: readonly HeldAddress[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { block } of held) counts.set(block, (counts.get(block) ?? 0) + 1);
  return counts;
}
