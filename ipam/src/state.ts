/** What planning knows of the datastore. It may be old: every plan carries the revisions that it rests on. */
import type { BlockAffinity, IPAMBlock, IPAMHandle, Item, Key, Kind, Revision, Write } from "@brindle/api";
import { addressesOf, affinityOf, type HeldAddress, thaw } from "./block.ts";
import { blockProblems } from "./blockProblems.ts";
import { blocksOf } from "./handle.ts";

export interface IpamState {
  /** `undefined`: not read; it is then taken to be absent, which the transaction checks. */
  readonly handle: Item<"IPAMHandle"> | null | undefined;
  /** By CIDR; `null` when it was read and does not exist. */
  readonly blocks: ReadonlyMap<string, Item<"IPAMBlock"> | null>;
  /** CIDRs of blocks that are stored but do not decode: of no use, and in the way of a new one. */
  readonly undecodable: ReadonlySet<string>;
  /** The affinities of this node, by CIDR. */
  readonly affinities: ReadonlyMap<string, Item<"BlockAffinity"> | null>;
  /** Pools as a conflict told them, by name: newer than what the view says of them. */
  readonly pools: ReadonlyMap<string, Item<"IPPool"> | null>;
  /** All blocks and this node's affinities were listed for the request in hand. */
  readonly complete: boolean;
  /** How often another node was quicker, for the request in hand, to make the block that this one chose. */
  readonly lostClaims: number;
}

export const emptyState: IpamState = {
  handle: undefined,
  blocks: new Map(),
  undecodable: new Set(),
  affinities: new Map(),
  pools: new Map(),
  complete: false,
  lostClaims: 0,
};

/** What a store found under a key. */
export type Found = Item | { readonly key: Key; readonly value: null };

/** The state with what the store says now. Kinds and nodes that are none of ours are passed over. */
export function withFound(
  state: IpamState,
  found: readonly Found[],
  ids: { node: string; handleId: string },
): IpamState {
  let { handle } = state;
  const blocks: [string, Item<"IPAMBlock"> | null][] = [];
  const affinities: [string, Item<"BlockAffinity"> | null][] = [];
  const pools: [string, Item<"IPPool"> | null][] = [];
  for (const entry of found) {
    const { name } = entry.key;
    if (isOf(entry, "IPPool")) pools.push([name, entry.value === null ? null : entry]);
    else if (isOf(entry, "IPAMBlock")) blocks.push([name, entry.value === null ? null : entry]);
    else if (isOf(entry, "IPAMHandle") && name === ids.handleId) handle = entry.value === null ? null : entry;
    else if (isOf(entry, "BlockAffinity") && name.startsWith(affinityPrefix(ids.node))) {
      affinities.push([name.slice(affinityPrefix(ids.node).length), entry.value === null ? null : entry]);
    }
  }
  return {
    ...state,
    handle,
    blocks: withEntries(state.blocks, blocks),
    affinities: withEntries(state.affinities, affinities),
    pools: withEntries(state.pools, pools),
  };
}

/** Of many requests that are planned together each makes a state: what does not change is not copied. */
function withEntries<V>(
  map: ReadonlyMap<string, V>,
  entries: readonly (readonly [string, V])[],
): ReadonlyMap<string, V> {
  return entries.length === 0 ? map : new Map([...map, ...entries]);
}

/** Without what is said to be otherwise by now: it is written as if it were not there, and met as it is. */
export function withoutClaims(state: IpamState, cidrs: readonly string[]): IpamState {
  if (cidrs.length === 0) return state;
  const affinities = new Map(state.affinities);
  for (const cidr of cidrs) if (affinities.get(cidr)?.value.state === "confirmed") affinities.delete(cidr);
  return { ...state, affinities };
}

/** With those addresses free that have rested for long enough; what is written rests on the same revisions. */
export function thawed(state: IpamState, time: { readonly nowNs: bigint; readonly restSeconds: number }): IpamState {
  const changed: [string, Item<"IPAMBlock">][] = [];
  for (const [cidr, item] of state.blocks) {
    if (!item || !isSound(item)) continue;
    const value = thaw(item.value, time);
    if (value !== item.value) changed.push([cidr, { ...item, value }]);
  }
  return changed.length === 0 ? state : { ...state, blocks: withEntries(state.blocks, changed) };
}

/** A claim that another node won: where blocks are free now has to be looked up, and not beside the lost one. */
export function withLostClaim(state: IpamState): IpamState {
  return { ...state, complete: false, lostClaims: state.lostClaims + 1 };
}

/** What the handle holds in the blocks that are known, whether or not the handle says so. */
export function heldBy(state: IpamState, handleId: string): HeldAddress[] {
  return soundBlocks(state).flatMap(({ value }) => addressesOf(value, handleId));
}

/** The known blocks that exist and that one may work with. */
export function soundBlocks({ blocks }: IpamState): Item<"IPAMBlock">[] {
  return [...blocks.values()].filter((item) => item !== null).filter(isSound);
}

/** The handle names a block that is not sound, and which therefore nobody may write to. */
export interface InvalidBlock {
  readonly kind: "invalidBlock";
  readonly block: string;
  readonly problems: readonly string[];
}

/** Another's broken block is no reason to refuse; one that the handle itself names is. */
export function invalidBlockOf({ handle, blocks }: IpamState): InvalidBlock | null {
  for (const block of blocksOf(handle?.value)) {
    const item = blocks.get(block);
    const problems = item ? problemsOf(item) : [];
    if (problems.length > 0) return { kind: "invalidBlock", block, problems };
  }
  return null;
}

export function blockKey(cidr: string): Key<"IPAMBlock"> {
  return { kind: "IPAMBlock", name: cidr };
}

export function handleKey(handleId: string): Key<"IPAMHandle"> {
  return { kind: "IPAMHandle", name: handleId };
}

export function affinityKey(node: string, cidr: string): Key<"BlockAffinity"> {
  return { kind: "BlockAffinity", name: `${affinityPrefix(node)}${cidr}` };
}

/** What the names of a node's affinities begin with. A node's name holds no slash, so none begins another's. */
export function affinityPrefix(node: string): string {
  return `${affinityOf(node)}/`;
}

/** Writes a value over what was read, or creates it where nothing was. */
export function blockWrite(before: Item<"IPAMBlock"> | null | undefined, value: IPAMBlock): Write {
  const key = blockKey(value.cidr);
  return before ? { op: "update", key, value, revision: before.revision } : { op: "create", key, value };
}

export function handleWrite(before: IpamState["handle"], key: Key<"IPAMHandle">, value: IPAMHandle): Write {
  return before ? { op: "update", key, value, revision: before.revision } : { op: "create", key, value };
}

export function affinityWrite(
  before: Item<"BlockAffinity"> | null | undefined,
  key: Key<"BlockAffinity">,
  state: BlockAffinity["state"],
): Write {
  if (!before) return { op: "create", key, value: { state, deleted: false } };
  if (before.value.state === state && !before.value.deleted) return unchanged(before, key);
  return { op: "update", key, value: { ...before.value, state, deleted: false }, revision: before.revision };
}

/**
 * Nobody's address is in a block whose affinity is not confirmed: Calico leaves `pending` and `pendingDeletion` behind
 * when it stops half way, and what it began to give up is ours again as soon as we use it.
 */
export function confirm(state: IpamState, node: string, cidr: string): Write {
  return affinityWrite(state.affinities.get(cidr), affinityKey(node, cidr), "confirmed");
}

/** The plan rests on this being as it was read, though it does not write it. */
export function unchanged<K extends Kind>(item: Item<K> | null | undefined, key: Key<K>): Write {
  const revision: Revision | null = item ? item.revision : null;
  // The union of writes is one member for each kind; the key says which, but not to the compiler.
  return { op: "expect", key, revision } as Write;
}

function isOf<K extends Kind>(
  found: Found,
  kind: K,
): found is Item<K> | { readonly key: Key<K>; readonly value: null } {
  return found.key.kind === kind;
}

function isSound(item: Item<"IPAMBlock">): boolean {
  return problemsOf(item).length === 0;
}

function problemsOf({ key, value }: Item<"IPAMBlock">): readonly string[] {
  // The Kubernetes datastore marks for a moment what it is about to delete: in the way, but not of use.
  if (value.deleted) return ["it is being deleted"];
  if (value.cidr !== key.name) return [`it is stored as the block ${key.name}`];
  return blockProblems(value);
}
