/**
 * What may be deleted. Calico's client disables a pool, takes its blocks from their nodes and deletes it, also while pods
 * use its addresses: these lose their NAT and their announcement. Here a pool goes when none of its addresses is in use,
 * together with the empty blocks that remain of it.
 */
import { containsPrefix, parsePrefix } from "@brindle/net";
import type { IPAMBlock } from "../kinds/ipamBlock.ts";
import type { IPPool } from "../kinds/ipPool.ts";
import type { ResourceKind } from "../kinds/kinds.ts";
import { builtInTiers } from "../kinds/tier.ts";
import { workloadEndpointPrefix } from "../kinds/workloadEndpointName.ts";
import { isDefaultAllow } from "../store/builtIn.ts";
import { StoreError } from "../store/error.ts";
import { isItemOf } from "../store/item.ts";
import { formatKey, operationsMax } from "../store/request.ts";
import type { Item, Key, Kind, Listing, Store, Write } from "../store/store.ts";
import { problemsOfWrite } from "./madeByKubernetes.ts";
import type { Outcome, Raced } from "./outcome.ts";

export async function deleteResource(store: Store, item: Item<ResourceKind>): Promise<Outcome | Raced> {
  const problems = problemsOfWrite(store, "delete", item.key);
  if (problems.length > 0) return { kind: "refused", problems };
  if (isDefaultAllow(item.key)) return refuse(item.key, "is built in and cannot be deleted");
  if (isItemOf(item, "IPPool")) return deletePool(store, item);
  if (isItemOf(item, "Node")) {
    const endpoints = await store.list("WorkloadEndpoint", { namePrefix: workloadEndpointPrefix(item.key.name) });
    const items = allOf(endpoints);
    if (items.length > 0)
      return refuse(item.key, `still has ${items.length} workload endpoints; delete its pods first`);
  }
  if (isItemOf(item, "Tier")) {
    const reason = await tierInUse(store, item.key.name);
    if (reason) return refuse(item.key, reason);
  }
  return deleteItems(store, item.key, [item]);
}

/** Throws a `StoreError` where one cannot be read: it may be what needs the resource. */
function allOf<K extends Kind>({ items, undecodable: [first] }: Listing<K>): readonly Item<K>[] {
  if (!first) return items;
  throw new StoreError({ code: "UNDECODABLE", key: formatKey(first.key), reason: first.reason });
}

/** Why a tier cannot go, or `null`. A policy whose tier is gone would be asked at another place, or nowhere. */
async function tierInUse(store: Store, name: string): Promise<string | null> {
  if (Object.hasOwn(builtInTiers, name)) return "is built in and cannot be deleted";
  const kinds = ["NetworkPolicy", "GlobalNetworkPolicy", "StagedNetworkPolicy", "StagedGlobalNetworkPolicy"] as const;
  const listings = await Promise.all(kinds.map((kind) => store.list(kind)));
  const policies = listings.flatMap((listing) => allOf(listing)).filter(({ value }) => value.spec.tier === name);
  const [first] = policies;
  if (!first) return null;
  return `still has ${policies.length} policies, ${formatKey(first.key)} among them; delete them or move them first`;
}

async function deletePool(store: Store, pool: Item<"IPPool">): Promise<Outcome | Raced> {
  const used = (await blocksOf(store, pool.value)).filter(({ value }) => isInUse(value));
  if (used.length > 0) return refuse(pool.key, inUseReason(pool.value, used));

  const closed = await closePool(store, pool);
  if (!closed) return { kind: "raced" };
  // An address may have been given before the pool was closed.
  const blocks = await blocksOf(store, pool.value);
  const late = blocks.filter(({ value }) => isInUse(value));
  if (late.length > 0) return refuse(pool.key, `is disabled now, but ${inUseReason(pool.value, late)}`);
  const affinities = (await store.list("BlockAffinity")).items.filter(({ key }) =>
    isInside(pool.value, key.name.slice(key.name.indexOf("/") + 1)),
  );
  return deleteItems(store, pool.key, [...blocks, ...affinities, closed]);
}

/** From now on nobody takes a new address from it. `null` when somebody changed it meanwhile. */
async function closePool(store: Store, pool: Item<"IPPool">): Promise<Item<"IPPool"> | null> {
  if (pool.value.spec.disabled) return pool;
  const value: IPPool = { ...pool.value, spec: { ...pool.value.spec, disabled: true } };
  const result = await store.commit([{ op: "update", key: pool.key, value, revision: pool.revision }]);
  return result.kind === "committed" ? { key: pool.key, value, revision: result.revision } : null;
}

/**
 * In order, as many at once as a transaction takes; the last item is the resource itself. Whatever comes between, the
 * next deletion goes on: blocks go before what claims them, since a claim without a block is nothing that anybody misses,
 * and the pool goes last, closed.
 */
async function deleteItems(store: Store, key: Key, items: readonly Item[]): Promise<Outcome | Raced> {
  const atOnce = store.transactions === "single" ? 1 : operationsMax;
  for (let i = 0; i < items.length; i += atOnce) {
    const writes = items.slice(i, i + atOnce).map(
      (item): Write => ({
        op: "delete",
        key: item.key,
        revision: item.revision,
      }),
    );
    const result = await store.commit(writes);
    if (result.kind === "conflict") return { kind: "raced" };
  }
  return { kind: "deleted", key };
}

async function blocksOf(store: Store, pool: IPPool): Promise<readonly Item<"IPAMBlock">[]> {
  return allOf(await store.list("IPAMBlock")).filter(({ key }) => isInside(pool, key.name));
}

function isInside(pool: IPPool, cidr: string): boolean {
  const [outer, inner] = [parsePrefix(pool.spec.cidr), parsePrefix(cidr)];
  return outer !== null && inner !== null && containsPrefix(outer, inner);
}

function isInUse(block: IPAMBlock): boolean {
  return inUse(block) > 0;
}

/** What was given back and rests is nobody's; of a pool that goes it is given to nobody either. */
function inUse({ allocations, attributes }: IPAMBlock): number {
  return allocations.filter((index) => index !== null && attributes[index]?.releasedAt === undefined).length;
}

function inUseReason(pool: IPPool, used: readonly Item<"IPAMBlock">[]): string {
  const addresses = used.reduce((sum, { value }) => sum + inUse(value), 0);
  return (
    `${addresses} addresses of ${pool.spec.cidr} are in use, in ${used.length} blocks; ` +
    "set disabled: true, move the pods to another pool, and delete it then"
  );
}

function refuse(key: Key, reason: string): Outcome {
  return { kind: "refused", problems: [{ path: "metadata.name", value: key.name, reason }] };
}
