/** Gives the very address that was asked for, or says why not. Reservations and selectors are for those who do not ask. */
import type { Item } from "@brindle/api";
import {
  type Address,
  containsAddress,
  containsPrefix,
  formatAddress,
  formatPrefix,
  networkOf,
  overlaps,
  parsePrefix,
} from "@brindle/net";
import { affinityOf, claimFor, loadBalancer, newBlock, nodeOf, takeAddress } from "./block.ts";
import { blockProblems } from "./blockProblems.ts";
import {
  type AddressRefusal,
  dropLostClaims,
  mayClaim,
  type PlaceFacts,
  type Placement,
  type PlaceRequest,
  type PlacingNeeds,
  placed,
  restsOnPool,
} from "./placement.ts";
import { parsePool, useRefusal } from "./pools.ts";
import { blockKey, blockWrite, confirm, type IpamState } from "./state.ts";

export type AddressRequest = PlaceRequest & { readonly wanted: Address };

type Placing = Placement | PlacingNeeds | AddressRefusal;

export function placeAddress(state: IpamState, request: AddressRequest, facts: PlaceFacts): Placing {
  const found = blockFor(request, facts);
  if ("reason" in found) return refuse(request, found.reason, { isFinal: true });
  const { cidr, pool } = found;
  const item = state.blocks.get(cidr);
  if (item === undefined && !state.complete) return { kind: "read", keys: [blockKey(cidr)] };
  if (item) return inBlock(state, item, { request, facts });
  // What is in the way of a new block is known only from all of them.
  return state.complete ? inNewBlock(state, { cidr, pool }, { request, facts }) : { kind: "list" };
}

interface BlockPlace {
  readonly cidr: string;
  /** Its name. */
  readonly pool: string;
}

/** The block of its pool that the address lies in, whether there is one or not. */
function blockFor({ wanted, use, within }: AddressRequest, { view }: PlaceFacts): BlockPlace | { reason: string } {
  if (within && !within.some((range) => containsAddress(range, wanted)))
    return { reason: `this node's own range is ${within.map(formatPrefix).join(" and ") || "not known"}` };
  let reason = "it is in no IPPool";
  for (const pool of view.pools) {
    const parsed = parsePool(pool);
    if ("reason" in parsed || !containsAddress(parsed.prefix, wanted)) continue;
    const unusable = useRefusal(pool.spec, use);
    if (unusable === null) {
      const block = networkOf({ address: wanted, length: parsed.blockLength });
      if (within && !within.some((range) => containsPrefix(range, block)))
        return { reason: `its block ${formatPrefix(block)} is larger than this node's own range` };
      return { cidr: formatPrefix(block), pool: pool.metadata.name };
    }
    reason = `${pool.metadata.name}: ${unusable}`;
  }
  return { reason };
}

interface Asked {
  readonly request: AddressRequest;
  readonly facts: PlaceFacts;
}

function inBlock(state: IpamState, item: Item<"IPAMBlock">, { request, facts }: Asked): Placing {
  const { wanted, node } = request;
  const { affinity, cidr } = item.value;
  const problems = blockProblems(item.value);
  if (item.value.deleted) return refuse(request, `its block ${cidr} is being deleted`, { isFinal: false });
  if (problems.length > 0) return refuse(request, `its block ${cidr} is damaged: ${problems.join("; ")}`);
  const isOwn = affinity === affinityOf(node);
  const isClaimed = affinity === undefined && mayClaim(state, request, facts);
  const objection = isOwn || isClaimed ? null : objectionTo(item, { request, facts });
  if (objection !== null) return refuse(request, objection);
  const taken = takeAddress(isClaimed ? claimFor(item.value, node, facts.nowNs) : item.value, request, wanted);
  if (!taken) return refuse(request, `${holderIn(item, wanted)} has it`, { isFinal: false });
  const claim = isOwn || isClaimed ? [confirm(state, node, cidr)] : [];
  return placed(taken.held, [blockWrite(item, taken.block), ...claim]);
}

/** Why no address is taken of a block that is not the node's own. */
function objectionTo({ value }: Item<"IPAMBlock">, { request, facts }: Asked): string | null {
  const owner = value.affinity === undefined ? null : (nodeOf(value) ?? value.affinity);
  if ((value.affinity === loadBalancer) !== (request.node === loadBalancer) && owner !== null)
    return `its block ${value.cidr} is ${owner === loadBalancer ? "for Services" : `the node ${owner}'s`}`;
  if (!facts.view.settings.strictAffinity) return null;
  return `strictAffinity is set, and its block ${value.cidr} is ${owner === null ? "no node's" : `the node ${owner}'s`}`;
}

function inNewBlock(state: IpamState, { cidr, pool }: BlockPlace, { request, facts }: Asked): Placing {
  const { node, wanted } = request;
  const resting = restsOnPool(state, pool, facts);
  if (!resting) return refuse(request, `its IPPool ${pool} is being changed`, { isFinal: false });
  if (!mayClaim(state, request, facts)) {
    const reason = `nobody has its block ${cidr}, and ${node} may claim no more blocks`;
    return refuse(request, reason, { isFinal: false });
  }
  const wide = parsePrefix(cidr);
  const present = [...state.blocks].flatMap(([name, item]) => (item ? [name] : []));
  const inTheWay = [...present, ...state.undecodable].find((name) => {
    const other = parsePrefix(name);
    return other !== null && wide !== null && overlaps(other, wide);
  });
  if (inTheWay !== undefined) return refuse(request, `the block ${inTheWay} of another size is in the way`);
  const taken = takeAddress(newBlock(cidr, node, facts.nowNs), request, wanted);
  if (!taken) return refuse(request, `it is not in the block ${cidr}`);
  return placed(taken.held, [
    blockWrite(null, taken.block),
    confirm(state, node, cidr),
    ...resting,
    ...dropLostClaims(state, request),
  ]);
}

function holderIn({ value }: Item<"IPAMBlock">, wanted: Address): string {
  const prefix = parsePrefix(value.cidr);
  const index = prefix && value.allocations[Number(wanted.value - prefix.address.value)];
  const { handle_id: handle, secondary: { namespace, pod, type } = {} } = value.attributes[index ?? -1] ?? {};
  if (pod !== undefined) return `the pod ${namespace}/${pod}`;
  return type ?? handle ?? "somebody";
}

function refuse(
  { wanted, family }: AddressRequest,
  reason: string,
  { isFinal }: { readonly isFinal: boolean } = { isFinal: true },
): AddressRefusal {
  return { kind: "addressRefused", family, address: formatAddress(wanted), reason, isFinal };
}
