/**
 * Plans one release: every address of a handle goes back to its block and the handle goes, as one transaction.
 *
 * A handle is deleted also when its blocks hold nothing of it. Calico leaves such a handle for ever: it counts the
 * handle up before it writes the block, and a crash in between is not undone by any later DEL.
 */
import type { Key, Write } from "@brindle/api";
import { containsAddress, formatAddress, parseAddress, parsePrefix } from "@brindle/net";
import { giveBack, type HeldAddress, isEmpty, type Resting } from "./block.ts";
import { blocksOf, countByBlock, handleWith, hasCounts } from "./handle.ts";
import {
  blockKey,
  blockWrite,
  handleKey,
  handleWrite,
  heldBy,
  type InvalidBlock,
  type IpamState,
  invalidBlockOf,
  unchanged,
} from "./state.ts";

export interface ReleaseRequest {
  readonly handleId: string;
  /**
   * By address: the sequence number under which the caller got it. An address that was given again since, to the same
   * handle, is kept. Without it whatever the handle holds is released.
   */
  readonly sequenceNumbers?: ReadonlyMap<string, bigint>;
  /** Which addresses are to rest before they are given again; none unless told. */
  readonly resting?: Resting;
}

export type ReleasePlan =
  | {
      readonly kind: "commit";
      readonly released: readonly HeldAddress[];
      readonly writes: readonly Write[];
      /** More is left than one transaction takes; plan again when this one is committed. */
      readonly isLast: boolean;
    }
  | { readonly kind: "read"; readonly keys: readonly Key<"IPAMBlock">[] }
  | InvalidBlock;

/** `blocksMax`: how many blocks one transaction may touch. */
export function planRelease(state: IpamState, request: ReleaseRequest, blocksMax: number): ReleasePlan {
  const cidrs = blocksToVisit(state, request);
  const batch = cidrs.slice(0, blocksMax);
  const unread = batch.filter((cidr) => !state.blocks.has(cidr));
  if (unread.length > 0) return { kind: "read", keys: unread.map(blockKey) };
  const invalid = invalidBlockOf(state);
  if (invalid) return invalid;

  const held = heldBy(state, request.handleId);
  const released = held.filter((address) => batch.includes(address.block) && isMeant(address, request));
  const kept = held.filter((address) => batch.includes(address.block) && !released.includes(address));
  return {
    kind: "commit",
    released,
    isLast: batch.length === cidrs.length,
    writes: [
      ...batch.map((cidr) => writeBlock(state, cidr, { released, resting: request.resting })),
      ...writeHandle(state, request, { batch, kept }),
    ],
  };
}

/** Where the handle says that it has addresses, and where it has some without saying so. */
function blocksToVisit(state: IpamState, { handleId, sequenceNumbers }: ReleaseRequest): string[] {
  const cidrs = new Set([...blocksOf(state.handle?.value), ...heldBy(state, handleId).map(({ block }) => block)]);
  if (!sequenceNumbers) return [...cidrs];
  const addresses = [...sequenceNumbers.keys()].map(parseAddress).filter((address) => address !== null);
  return [...cidrs].filter((cidr) => {
    const prefix = parsePrefix(cidr);
    return prefix !== null && addresses.some((address) => containsAddress(prefix, address));
  });
}

function isMeant({ address, sequenceNumber }: HeldAddress, { sequenceNumbers }: ReleaseRequest): boolean {
  return !sequenceNumbers || sequenceNumbers.get(formatAddress(address)) === sequenceNumber;
}

function writeBlock(
  state: IpamState,
  cidr: string,
  { released, resting }: { readonly released: readonly HeldAddress[]; readonly resting: Resting | undefined },
): Write {
  const item = state.blocks.get(cidr);
  const addresses = released.filter(({ block }) => block === cidr).map(({ address }) => address);
  // The handle said more than the block holds. That is dropped from the handle as long as it stays so.
  if (!item || addresses.length === 0) return unchanged(item, blockKey(cidr));
  const block = giveBack(item.value, addresses, resting);
  // An empty block stays with its node, which will want it again; one without a node is nobody's, and goes.
  const isAbandoned = isEmpty(block) && block.affinity === undefined;
  return isAbandoned ? { op: "delete", key: item.key, revision: item.revision } : blockWrite(item, block);
}

function writeHandle(
  { handle }: IpamState,
  { handleId }: ReleaseRequest,
  { batch, kept }: { batch: readonly string[]; kept: readonly HeldAddress[] },
): Write[] {
  const key = handleKey(handleId);
  if (!handle) return batch.length > 0 ? [unchanged(null, key)] : [];
  const counts = new Map(Object.entries(handle.value.block));
  for (const cidr of batch) counts.delete(cidr);
  for (const [cidr, count] of countByBlock(kept)) counts.set(cidr, count);
  if (counts.size === 0) return [{ op: "delete", key, revision: handle.revision }];
  if (hasCounts(handle.value, counts)) return [unchanged(handle, key)];
  return [handleWrite(handle, key, handleWith(handle.value, counts))];
}
