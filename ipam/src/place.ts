/** Finds one address of a family: in a block of the node's own, in a new one, or in somebody else's. */
import type { Item } from "@brindle/api";
import type { ClusterView } from "./assign.ts";
import { affinityOf, claimFor, loadBalancer, newBlock, prefixOf, take } from "./block.ts";
import { inOrderOf, isBlockOf, newBlocks } from "./claim.ts";
import { exhausted } from "./exhausted.ts";
import { placeAddress } from "./placeAddress.ts";
import {
  dropLostClaims,
  mayClaim,
  type PlaceFacts,
  type Placement,
  type PlaceRefusal,
  type PlaceRequest,
  type PlacingNeeds,
  placed,
  restsOnPool,
} from "./placement.ts";
import { choosePools, type PoolQuery, type UsablePool } from "./pools.ts";
import { blockWrite, confirm, type IpamState, soundBlocks } from "./state.ts";

export function place(
  state: IpamState,
  request: PlaceRequest,
  facts: PlaceFacts,
): Placement | PlacingNeeds | PlaceRefusal {
  const { family, node } = request;
  const wanted = request.addresses?.find((address) => address.family === family);
  if (wanted) return placeAddress(state, { ...request, wanted }, facts);
  const kept = placeKept(state, request, facts);
  if (kept) return kept;
  const { usable, refused } = choosePools(facts.view.pools, poolQuery(request, facts.view));
  if (usable.length === 0) return { kind: "noPool", family, refused };
  const blocks = usable.flatMap((pool) => blocksIn(state, pool));
  const isOwn = ({ value }: Item<"IPAMBlock">): boolean => value.affinity === affinityOf(node);

  // 1. A block that the node owns.
  const own = fromOwn(state, blocks.filter(isOwn), request, facts);
  if (own) return own;
  // What follows would be wrong on a partial view: a block unknown here may be the node's own, or in the way.
  if (!state.complete) return { kind: "list" };
  if (mayClaim(state, request, facts)) {
    const claimed =
      // 2. A block that nobody has made yet.
      fromNew(state, usable, request, facts) ??
      // 3. A block whose node gave it up while pods still used it: as good as new.
      fromOrphan(state, blocks, request, facts);
    if (claimed) return claimed;
  }
  // 4. A block of another node.
  const borrowed = facts.view.settings.strictAffinity ? null : fromOthers(blocks, request, facts);
  return borrowed ?? exhausted(state, { usable, request }, facts);
}

/** What is kept for a pod is its own, as long as there is a pool that gives it; else it gets another one. */
function placeKept(state: IpamState, request: PlaceRequest, facts: PlaceFacts): ReturnType<typeof placeAddress> | null {
  const { namespace, pod } = request.attributes;
  if (namespace === undefined || pod === undefined || !facts.view.kept) return null;
  const wanted = facts.view.kept({ namespace, pod }).find(({ family }) => family === request.family);
  if (!wanted) return null;
  const placed = placeAddress(state, { ...request, wanted }, facts);
  return placed.kind === "addressRefused" && placed.isFinal ? null : placed;
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
  facts: PlaceFacts,
): Placement | null {
  const { nowNs, isReserved } = facts;
  const { reserved, rank } = facts.view;
  const { node } = request;
  const existing = [...presentIn(state.blocks), ...state.undecodable];
  const claimant = { node, begun: presentIn(state.affinities), rank: rank?.(), lostClaims: state.lostClaims };
  for (const pool of pools) {
    const resting = restsOnPool(state, pool.name, facts);
    if (!resting) continue;
    for (const cidr of newBlocks(pool, { blocks: existing, reserved }, claimant)) {
      const taken = take(newBlock(cidr, node, nowNs), request, isReserved);
      const writes = taken && [
        blockWrite(null, taken.block),
        confirm(state, node, cidr),
        ...resting,
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
    // Services' blocks are theirs, whatever their pool allows now.
    if (item.value.affinity === loadBalancer) continue;
    const taken = take(item.value, request, isReserved);
    if (taken) return placed(taken.held, [blockWrite(item, taken.block)]);
  }
  return null;
}

function blocksIn(state: IpamState, pool: UsablePool): Item<"IPAMBlock">[] {
  return soundBlocks(state).filter(({ value }) => isBlockOf(pool, prefixOf(value)));
}

function presentIn(items: ReadonlyMap<string, Item | null>): string[] {
  return [...items].flatMap(([cidr, item]) => (item ? [cidr] : []));
}

function poolQuery(
  { family, pools, namespaceLabels, use, within }: PlaceRequest,
  { nodeLabels }: ClusterView,
): PoolQuery {
  const asked = pools?.[family];
  return {
    ...{ family, nodeLabels },
    ...(namespaceLabels && { namespaceLabels }),
    ...(asked && { asked }),
    ...(use && { use }),
    ...(within && { within }),
  };
}
