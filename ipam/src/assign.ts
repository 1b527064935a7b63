/**
 * Plans one assignment: which addresses a handle gets, and the writes that give them, as one transaction. Nothing is
 * ever given in two steps, so a crash leaves either all of it or none, and no state in between.
 *
 * A handle that holds addresses keeps them: planning again after a crash, or after an answer that was lost, plans to
 * give what is there. Families are all or nothing.
 */
import type { AllowedUse, IPPool, Key, Revision, Write } from "@brindle/api";
import { type Address, type Family, formatAddress, type Prefix, sameAddress } from "@brindle/net";
import { affinityOf, type HeldAddress, type Owner, renew } from "./block.ts";
import { blocksOf, countByBlock, handleWith, hasCounts } from "./handle.ts";
import { place } from "./place.ts";
import type { Placement, PlaceRefusal } from "./placement.ts";
import { reservedTest } from "./reservedRanges.ts";
import {
  blockKey,
  blockWrite,
  confirm,
  handleKey,
  handleWrite,
  heldBy,
  type InvalidBlock,
  type IpamState,
  invalidBlockOf,
  thawed,
  unchanged,
} from "./state.ts";

export interface AssignRequest extends Owner {
  readonly node: string;
  /** One address of each; none for what the caller alone writes in its turn. */
  readonly families: readonly Family[];
  /** By family: the names or CIDRs of the only pools to take it from. */
  readonly pools?: Readonly<Partial<Record<Family, readonly string[]>>>;
  /** Of the pod's namespace, for pools that select namespaces. */
  readonly namespaceLabels?: Readonly<Record<string, string>>;
  /** These and no others, one of a family: out of any pool that is for this use, also where they are reserved. */
  readonly addresses?: readonly Address[];
  /** No other addresses than these, whatever the pools have, and as many blocks as lie in them: a node's own ranges (podCIDR). */
  readonly within?: readonly Prefix[];
  /** What the addresses are for; pods unless told. */
  readonly use?: AllowedUse;
}

/** What the cluster's resources say, as far as addresses go. */
export interface ClusterView {
  readonly pools: readonly IPPool[];
  readonly nodeLabels: Readonly<Record<string, string>>;
  /** Never given to a pod. */
  readonly reserved: readonly Prefix[];
  readonly settings: IpamSettings;
  /**
   * At which revision each pool is known, by name: a new block rests on it. A pool that was deleted and made anew with blocks of
   * another size would else get, of a node that has not heard of it, a block that overlaps with others.
   */
  readonly poolRevisions?: ReadonlyMap<string, Revision>;
  /** Addresses that are kept for a pod by its name, as for one of a StatefulSet; they are reserved for everybody else. */
  readonly kept?: (pod: { readonly namespace: string; readonly pod: string }) => readonly Address[];
  /**
   * Which of how many nodes this one is, in an order that all nodes agree on: nodes that claim their first blocks at the same
   * moment then want different ones. Where it is not known the node's name says where to begin.
   */
  readonly rank?: () => { readonly index: number; readonly of: number } | undefined;
  /** CIDRs of blocks that the node claimed and that somebody has begun to take from it, as far as the caller watches. */
  readonly doubtfulClaims?: readonly string[];
}

/** Calico's IPAM configuration. */
export interface IpamSettings {
  /** A node uses no other node's blocks. */
  readonly strictAffinity: boolean;
  /** A node may claim blocks. */
  readonly autoAllocateBlocks: boolean;
  /** How many blocks of a family a node may own. */
  readonly blocksPerNodeMax: number;
  /** How long an address rests after it was given back. */
  readonly restSeconds: number;
}

/** What holds where nothing is configured, as in Calico. */
export const defaultIpamSettings: IpamSettings = {
  strictAffinity: false,
  autoAllocateBlocks: true,
  blocksPerNodeMax: 20,
  restSeconds: 0,
};

export type AssignPlan =
  /** These writes give the addresses, if what the plan rests on still holds. */
  | {
      readonly kind: "commit";
      readonly addresses: readonly HeldAddress[];
      /** False when the handle held all of them already; the writes then only make sure of it. */
      readonly isNew: boolean;
      readonly writes: readonly Write[];
    }
  /** Planning needs to know these first. */
  | { readonly kind: "read"; readonly keys: readonly Key<"IPAMBlock">[] }
  /** Planning needs to know all blocks, and all affinities of the node. */
  | { readonly kind: "list" }
  | PlaceRefusal
  | InvalidBlock;

export function planAssign(
  known: IpamState,
  request: AssignRequest,
  { view, nowNs }: { view: ClusterView; nowNs: bigint },
): AssignPlan {
  const unread = blocksOf(known.handle?.value).filter((cidr) => !known.blocks.has(cidr));
  if (unread.length > 0) return { kind: "read", keys: unread.map(blockKey) };
  const invalid = invalidBlockOf(known);
  if (invalid) return invalid;
  const state = thawed(known, { nowNs, restSeconds: view.settings.restSeconds });

  const { held: kept, writes: renewals } = renewed(state, request.handleId);
  const other = otherThanAsked(kept, request);
  if (other) return other;
  const placements: Placement[] = [];
  const isReserved = reservedTest(view.reserved);
  for (const family of request.families) {
    if (kept.some(({ address }) => address.family === family)) continue;
    const placed = place(state, { ...request, family }, { view, nowNs, isReserved });
    if (placed.kind !== "placed") return placed;
    placements.push(placed);
  }
  const held = [...kept, ...placements.map((placement) => placement.held)];
  return {
    kind: "commit",
    addresses: held.filter(({ address }) => request.families.includes(address.family)),
    isNew: placements.length > 0,
    writes: [
      ...placements.flatMap(({ writes }) => writes),
      ...renewals,
      ...restingOn(state, [...kept, ...placements.map((placement) => placement.held)]),
      ...confirmations(state, kept, request),
      // Of who has no address, because none is asked for, there is none.
      ...(held.length > 0 ? [writeHandle(state, request.handleId, held)] : []),
    ],
  };
}

/** Nobody's address changes while it has it, whatever is asked for meanwhile. */
function otherThanAsked(kept: readonly HeldAddress[], { addresses = [] }: AssignRequest): PlaceRefusal | null {
  for (const wanted of addresses) {
    const other = kept.find(({ address }) => address.family === wanted.family && !sameAddress(address, wanted));
    const reason = other && `the same container has ${formatAddress(other.address)} already`;
    if (reason)
      return { kind: "addressRefused", family: wanted.family, address: formatAddress(wanted), reason, isFinal: true };
  }
  return null;
}

/**
 * What the handle holds already. It is written anew, though nothing else changes: nobody may have said for long that it
 * is in use, and a collection of leaks that is about to free it must find it changed.
 */
function renewed(
  state: IpamState,
  handleId: string,
): { readonly held: readonly HeldAddress[]; readonly writes: readonly Write[] } {
  const writes: Write[] = [];
  const held: HeldAddress[] = [];
  for (const [cidr, addresses] of Map.groupBy(heldBy(state, handleId), ({ block }) => block)) {
    const item = state.blocks.get(cidr);
    if (!item) continue;
    const { block, held: present } = renew(
      item.value,
      addresses.map(({ address }) => address),
    );
    held.push(...present);
    writes.push(blockWrite(item, block));
  }
  return { held, writes };
}

/** What the handle counts and does not hold must be missing still. */
function restingOn(state: IpamState, held: readonly HeldAddress[]): Write[] {
  const cidrs = new Set(blocksOf(state.handle?.value));
  for (const { block } of held) cidrs.delete(block);
  return [...cidrs].map((cidr) => unchanged(state.blocks.get(cidr), blockKey(cidr)));
}

/** A crash may have come between a new block and its claim: what is kept there would be announced by nobody. */
function confirmations(state: IpamState, kept: readonly HeldAddress[], { node }: AssignRequest): Write[] {
  const own = new Set(
    kept.map(({ block }) => block).filter((cidr) => state.blocks.get(cidr)?.value.affinity === affinityOf(node)),
  );
  return [...own].map((cidr) => confirm(state, node, cidr));
}

/** Counts what is in the blocks, not what was in the handle: Calico may have left it counting too much. */
function writeHandle({ handle }: IpamState, handleId: string, held: readonly HeldAddress[]): Write {
  const counts = countByBlock(held);
  const key = handleKey(handleId);
  if (handle && hasCounts(handle.value, counts)) return unchanged(handle, key);
  return handleWrite(handle, key, handleWith(handle?.value, counts));
}
