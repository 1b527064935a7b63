/**
 * Takes addresses that endpoints have, and that no block gave, into blocks: as after the objects of address management were
 * deleted under pods that run, by `kubectl delete -f`. Until that is done no address is given, or one would be given twice.
 */
import {
  type IPAMBlock,
  type IPPool,
  type Item,
  isUnmanaged,
  type Key,
  type Store,
  type WorkloadEndpoint,
  type Write,
} from "@brindle/api";
import {
  type Address,
  containsAddress,
  formatAddress,
  formatPrefix,
  networkOf,
  overlaps,
  type Prefix,
  parseAddress,
  parsePrefix,
} from "@brindle/net";
import { newBlock, nodeOf, type Owner, ordinalOf, takeAddress } from "../block.ts";
import { blockProblems } from "../blockProblems.ts";
import { goTime } from "../goTime.ts";
import { handleWith } from "../handle.ts";
import { parsePool, type UsablePool } from "../pools.ts";
import { affinityKey, affinityWrite, blockWrite, handleKey, handleWrite } from "../state.ts";
import { addressesOf } from "./owners.ts";

export interface AdoptionFacts {
  readonly pools: readonly IPPool[];
  readonly endpoints: Iterable<WorkloadEndpoint>;
}

export interface AdoptionOptions {
  /** Its own are adopted first: other nodes do the same at the same time. */
  readonly node: string;
  /** Of pods, whose endpoints do not say by which network list they were made. */
  readonly network: string;
  readonly nowNs: bigint;
}

/** One block, and what it is to hold beside what it holds. */
export interface Adoption {
  readonly cidr: string;
  readonly holders: readonly Adopted[];
}

interface Adopted {
  readonly address: Address;
  readonly node: string;
  readonly owner: Owner;
}

export interface AdoptionResult {
  readonly adopted: readonly string[];
  /** Those that cannot be, each with the reason. */
  readonly refused: readonly string[];
}

/** So many at once: each has a handle, and etcd takes 128 operations. */
const atOnceMax = 50;
const attemptsMax = 20;

/** Whether there is anything to adopt, as far as can be told from endpoints that may lack their containers. */
export async function hasUnallocated(store: Pick<Store, "list">, facts: AdoptionFacts): Promise<boolean> {
  const { items } = await store.list("IPAMBlock");
  const blocks = new Map(items.map((item) => [item.key.name, item]));
  const named = [...facts.endpoints].map((endpoint) => ({
    ...endpoint,
    spec: { ...endpoint.spec, containerID: endpoint.spec.containerID ?? "unknown" },
  }));
  return planAdoptions({ ...facts, endpoints: named }, blocks, { node: "", network: "", nowNs: 0n }).length > 0;
}

/** What is missing, by block; `node`'s first. */
export function planAdoptions(
  { pools, endpoints }: AdoptionFacts,
  blocks: ReadonlyMap<string, Item<"IPAMBlock">>,
  options: AdoptionOptions,
): Adoption[] {
  const usable = pools.flatMap((pool) => {
    const parsed = parsePool(pool);
    return "reason" in parsed ? [] : [{ ...parsed, isGiving: pool.spec.disabled !== true }];
  });
  const missing = [...endpoints].flatMap((endpoint) => missingOf(endpoint, { usable, blocks }, options));
  const byBlock = Map.groupBy(missing, ({ cidr }) => cidr);
  return [...byBlock]
    .map(([cidr, entries]) => ({ cidr, holders: entries.map(({ holder }) => holder).slice(0, atOnceMax) }))
    .toSorted((a, b) => Number(isOf(b, options.node)) - Number(isOf(a, options.node)));
}

/** Rejects with a `StoreError` where the datastore is away; doing it again goes on. */
export async function adopt(
  store: Pick<Store, "get" | "list" | "commit" | "transactions">,
  facts: AdoptionFacts,
  options: AdoptionOptions,
): Promise<AdoptionResult> {
  const adopted: string[] = [];
  const refused = new Set<string>();
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const { items, undecodable } = await store.list("IPAMBlock");
    const blocks = new Map(items.map((item) => [item.key.name, item]));
    const present = [...blocks.keys(), ...undecodable.map(({ key }) => key.name)];
    const plans = planAdoptions(facts, blocks, options).filter(({ cidr, holders }) => {
      const reason = objectionTo(cidr, present, blocks.get(cidr));
      if (reason) for (const { address } of holders) refused.add(`${formatAddress(address)}: ${reason}`);
      return reason === null;
    });
    if (plans.length === 0) return { adopted, refused: [...refused] };
    for (const plan of plans)
      if (await take(store, plan, blocks.get(plan.cidr), options)) adopted.push(...textsOf(plan));
  }
  return { adopted, refused: [...refused, "others changed the same blocks each time"] };
}

/** Whether it was done. If not, somebody else was quicker, and all is read anew. */
async function take(
  store: Pick<Store, "get" | "commit" | "transactions">,
  { cidr, holders }: Adoption,
  item: Item<"IPAMBlock"> | undefined,
  { node, nowNs }: AdoptionOptions,
): Promise<boolean> {
  const owner = (holders.find((holder) => holder.node === node) ?? holders[0])?.node ?? node;
  let block: IPAMBlock = item?.value ?? newBlock(cidr, owner, nowNs);
  for (const holder of holders) block = takeAddress(block, holder.owner, holder.address)?.block ?? block;
  const handles = await Promise.all(
    [...Map.groupBy(holders, (holder) => holder.owner.handleId)].map(([id, held]) =>
      counted(store, id, { cidr, count: held.length }),
    ),
  );
  const blockOwner = nodeOf(block);
  const key = affinityKey(blockOwner ?? owner, cidr);
  const present = blockOwner === null ? null : await store.get(key);
  // The handles first, so that whoever releases finds the addresses; a claim that is missing is made by the next ADD, too.
  const claim = blockOwner === null ? [] : [affinityWrite(present, key, "confirmed")];
  const writes = [...handles, blockWrite(item, block), ...claim.filter(({ op }) => op !== "expect")];
  if (store.transactions === "many") return (await store.commit(writes)).kind === "committed";
  for (const write of writes) if ((await store.commit([write])).kind === "conflict") return false;
  return true;
}

async function counted(
  store: Pick<Store, "get">,
  handleId: string,
  { cidr, count }: { readonly cidr: string; readonly count: number },
): Promise<Write> {
  const key: Key<"IPAMHandle"> = handleKey(handleId);
  const present = await store.get(key);
  const counts = new Map(Object.entries(present?.value.deleted ? {} : (present?.value.block ?? {})));
  return handleWrite(present, key, handleWith(present?.value, counts.set(cidr, count)));
}

/** What one that gives nothing may have beside: addresses that pods asked for past address management. */
interface KnownPool extends UsablePool {
  readonly isGiving: boolean;
}

function missingOf(
  endpoint: WorkloadEndpoint,
  {
    usable,
    blocks,
  }: { readonly usable: readonly KnownPool[]; readonly blocks: ReadonlyMap<string, Item<"IPAMBlock">> },
  options: AdoptionOptions,
): { readonly cidr: string; readonly holder: Adopted }[] {
  const owner = ownerOf(endpoint, options);
  if (!owner) return [];
  return addressesOf(endpoint).flatMap((text) => {
    const address = parseAddress(text);
    const pool = usable.find(({ prefix }) => address !== null && containsAddress(prefix, address));
    if (!address || !pool || (!pool.isGiving && isUnmanaged(endpoint, text))) return [];
    const cidr = formatPrefix(networkOf({ address, length: pool.blockLength }));
    const block = blocks.get(cidr)?.value;
    const ordinal = block && blockProblems(block).length === 0 ? ordinalOf(block, address) : null;
    if (block && ordinal !== null && block.allocations[ordinal] !== null) return [];
    return [{ cidr, holder: { address, node: endpoint.spec.node, owner } }];
  });
}

/** As the ADD of its container would have it. One that no CNI plugin of ours or Calico's made has no container. */
function ownerOf({ spec, metadata }: WorkloadEndpoint, { network, nowNs }: AdoptionOptions): Owner | null {
  const { containerID, orchestrator, pod, node, endpoint, profiles } = spec;
  if (containerID === undefined) return null;
  const isPod = orchestrator === "k8s" && pod !== undefined;
  const handle = `${isPod ? network : (profiles?.[0] ?? network)}.${containerID}`;
  const { namespace = "default" } = metadata;
  const isFirst = endpoint === "eth0";
  const attributes = { node, timestamp: goTime(nowNs), ...(isPod && { namespace, pod }) };
  return {
    handleId: isFirst ? handle : `${handle}.${endpoint}`,
    attributes: isFirst ? attributes : { ...attributes, interface: endpoint },
  };
}

function objectionTo(cidr: string, present: readonly string[], item: Item<"IPAMBlock"> | undefined): string | null {
  if (item) return blockProblems(item.value).length > 0 ? `its block ${cidr} is damaged` : null;
  const wanted = parsePrefix(cidr);
  const other = present.find((name) => {
    const prefix: Prefix | null = parsePrefix(name);
    return prefix !== null && wanted !== null && overlaps(prefix, wanted);
  });
  return other === undefined ? null : `the block ${other} of another size is in the way`;
}

function isOf({ holders }: Adoption, node: string): boolean {
  return holders.some((holder) => holder.node === node);
}

function textsOf({ holders }: Adoption): string[] {
  return holders.map(({ address }) => formatAddress(address));
}
