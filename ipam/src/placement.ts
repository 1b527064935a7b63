/** What finding a place for an address is given, and what it comes to. */
import type { Key, Write } from "@brindle/api";
import { type Address, type Family, parsePrefix } from "@brindle/net";
import type { AssignRequest, ClusterView } from "./assign.ts";
import { affinityOf, type HeldAddress, prefixOf } from "./block.ts";
import type { RefusedPool } from "./pools.ts";
import { type IpamState, soundBlocks, unchanged } from "./state.ts";

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

/** What has to be known before a place can be found: some blocks, or all of them and the node's claims. */
export type PlacingNeeds =
  | { readonly kind: "list" }
  | { readonly kind: "read"; readonly keys: readonly Key<"IPAMBlock">[] };

export type PlaceRefusal =
  /** No pool may serve this pod. `refused` says why for each that might have been meant. */
  | { readonly kind: "noPool"; readonly family: Family; readonly refused: readonly RefusedPool[] }
  /** Every pool that may serve it is full, or the node may not use what is left. */
  | PoolsExhausted
  /** The very address that was asked for cannot be given. */
  | AddressRefusal;

export interface AddressRefusal {
  readonly kind: "addressRefused";
  readonly family: Family;
  readonly address: string;
  /** Without a full stop. */
  readonly reason: string;
  /** Whether it is no use to ask again later. */
  readonly isFinal: boolean;
}

export interface PoolsExhausted {
  readonly kind: "poolExhausted";
  readonly family: Family;
  readonly pools: readonly PoolUse[];
  /** Why the node may not use what is left, in words; none where nothing is. */
  readonly limits: readonly string[];
}

/** How full a pool is. */
export interface PoolUse {
  readonly pool: string;
  readonly addresses: bigint;
  /** By somebody. */
  readonly inUse: bigint;
  /** Given back, and not to be given again yet. */
  readonly resting: bigint;
  /** Of those that nobody has. */
  readonly reserved: bigint;
}

/** So many are dropped at once; the transaction has other work to do. */
const lostClaimsMax = 8;

/**
 * What a new block of the pool rests on: that the pool is what the view says. `null` where it is known to be another by now, so that no
 * block of it may be made before the view has caught up.
 */
export function restsOnPool({ pools }: IpamState, name: string, { view }: PlaceFacts): readonly Write[] | null {
  const key: Key<"IPPool"> = { kind: "IPPool", name };
  const told = pools.get(name);
  if (told === undefined) {
    const revision = view.poolRevisions?.get(name);
    return revision === undefined ? [] : [{ op: "expect", key, revision }];
  }
  const seen = view.pools.find(({ metadata }) => metadata.name === name);
  const isSame = told?.value.spec.cidr === seen?.spec.cidr && told?.value.spec.blockSize === seen?.spec.blockSize;
  return told && isSame ? [unchanged(told, key)] : null;
}

/** Whether the node may have one more block of the family. What is its own range is bounded by that alone. */
export function mayClaim(state: IpamState, request: PlaceRequest, { view }: PlaceFacts): boolean {
  const { autoAllocateBlocks, blocksPerNodeMax } = view.settings;
  if (request.within) return true;
  return autoAllocateBlocks && ownedCount(state, request) < blocksPerNodeMax;
}

/** How many blocks of the family the node owns, in whatever pool. */
export function ownedCount(state: IpamState, { node, family }: PlaceRequest): number {
  return soundBlocks(state).filter(
    ({ value }) => value.affinity === affinityOf(node) && prefixOf(value).address.family === family,
  ).length;
}

/**
 * Affinities of the node for blocks that are another's by now: two nodes would announce one block. Those of one family,
 * since a request for both makes one transaction, which may name a key but once.
 */
export function dropLostClaims({ affinities, blocks }: IpamState, { node, family }: PlaceRequest): Write[] {
  return [...affinities]
    .filter(([cidr]) => {
      const block = blocks.get(cidr);
      return block && block.value.affinity !== affinityOf(node) && parsePrefix(cidr)?.address.family === family;
    })
    .flatMap(([, item]): Write[] => (item ? [{ op: "delete", key: item.key, revision: item.revision }] : []))
    .slice(0, lostClaimsMax);
}

export function placed(held: HeldAddress, writes: readonly Write[]): Placement {
  return { kind: "placed", held, writes };
}
