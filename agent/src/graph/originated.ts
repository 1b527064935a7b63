/**
 * Which prefixes this node announces: its blocks, and the addresses that its pods hold in blocks of others, or that float to them. Where a node's pods have
 * addresses of its podCIDR alone, that stands for the blocks in it, from the beginning on, as with Calico's `USE_POD_CIDR`.
 */
import type { BlockAffinity, IPPool, Node, WorkloadEndpoint } from "@brindle/api";
import {
  type Address,
  addressBits,
  containsAddress,
  containsPrefix,
  formatPrefix,
  hostPrefix,
  type Prefix,
  parseCidr,
  parsePrefix,
} from "@brindle/net";

import type { ClusterState } from "./clusterState.ts";
import { floatingAddresses } from "./floatingAddresses.ts";

export interface OriginState {
  readonly node: string;
  readonly pools: ReadonlyMap<string, IPPool>;
  /** Named `host:<node>/<cidr>`. */
  readonly affinities: ReadonlyMap<string, BlockAffinity>;
  readonly endpoints: ReadonlyMap<string, WorkloadEndpoint>;
  /** Floating ones of pods of the node. */
  readonly floating?: readonly Address[];
  /** Where the node's pods have their addresses of these. */
  readonly podCidrs?: readonly Prefix[];
}

/** What the datastore says of it. */
export function originStateOf(
  { node, usesPodCidrs }: { readonly node: string; readonly usesPodCidrs: boolean },
  state: ClusterState,
): OriginState {
  return {
    node,
    pools: state.all("IPPool"),
    affinities: state.all("BlockAffinity"),
    endpoints: state.endpointsOf(node),
    floating: floatingAddresses(node, state).here.map(({ floating }) => floating),
    podCidrs: usesPodCidrs ? podCidrsOf(state.all("Node").get(node)) : [],
  };
}

/** What Kubernetes set aside for the pods of a node; nothing before it has. */
export function podCidrsOf(node: Node | undefined): Prefix[] {
  return (node?.status?.podCIDRs ?? []).flatMap((text) => parsePrefix(text) ?? []);
}

/** What is of this node, in as few prefixes as may be: what is for no pod in it ends here. */
export function ownRanges({
  podCidrs = [],
  ...state
}: Pick<OriginState, "node" | "affinities" | "podCidrs">): Prefix[] {
  const blocks = ownBlocks(state);
  return [...podCidrs, ...blocks.filter((block) => !podCidrs.some((range) => containsPrefix(range, block)))];
}

/** The blocks of a node: those whose claim is complete. A pending one may yet turn out to be another's (Calico). */
export function ownBlocks({ node, affinities }: Pick<OriginState, "node" | "affinities">): Prefix[] {
  const owner = `host:${node}/`;
  return [...affinities].flatMap(([name, { state, deleted }]) => {
    if (!name.startsWith(owner) || state !== "confirmed" || deleted) return [];
    return parsePrefix(name.slice(owner.length)) ?? [];
  });
}

/** In canonical text, sorted. A block of one address is announced as such; of a larger one, the block alone. */
export function originatedPrefixes(state: OriginState): string[] {
  const blocks = ownBlocks(state);
  const isInBlock = blocksTest(blocks);
  const borrowed = [...localAddresses(state), ...(state.floating ?? []).map(hostPrefix)].filter(
    ({ address }) => !isInBlock(address),
  );
  const exported = exportedRanges(state.pools);
  const isExported = (prefix: Prefix): boolean => exported.some((range) => containsPrefix(range, prefix));
  // A podCIDR that no pool has as a whole is not announced; the blocks in it are.
  const ranges = ownRanges({ ...state, podCidrs: (state.podCidrs ?? []).filter(isExported) });
  const announced = [...ranges, ...borrowed].filter(isExported);
  return [...new Set(announced.map(formatPrefix))].sort();
}

/** Every range that pods of the cluster may be in, whether or not new ones are placed there. */
export function poolRanges(pools: ReadonlyMap<string, IPPool>): Prefix[] {
  return [...pools.values()].flatMap(({ spec }) => parsePrefix(spec.cidr) ?? []);
}

function exportedRanges(pools: ReadonlyMap<string, IPPool>): Prefix[] {
  return poolRanges(new Map([...pools].filter(([, { spec }]) => !spec.disableBGPExport)));
}

function localAddresses({ node, endpoints }: OriginState): Prefix[] {
  const prefixes: Prefix[] = [];
  for (const endpoint of endpoints.values())
    if (endpoint.spec.node === node) for (const prefix of addressesOf(endpoint)) prefixes.push(prefix);
  return prefixes;
}

/** Pods that came one after the other have addresses of one block. */
function blocksTest(blocks: readonly Prefix[]): (address: Address) => boolean {
  let last: Prefix | undefined;
  return (address) => {
    if (last && containsAddress(last, address)) return true;
    last = blocks.find((block) => containsAddress(block, address));
    return last !== undefined;
  };
}

/** Each pod that comes or goes has all of them looked at, and what is stored is never changed in place. */
const readAddresses = new WeakMap<WorkloadEndpoint, readonly Prefix[]>();

function addressesOf(endpoint: WorkloadEndpoint): readonly Prefix[] {
  const known = readAddresses.get(endpoint);
  if (known) return known;
  const prefixes = (endpoint.spec.ipNetworks ?? []).flatMap((text) => {
    const cidr = parseCidr(text);
    return cidr && cidr.length === addressBits[cidr.address.family] ? hostPrefix(cidr.address) : [];
  });
  readAddresses.set(endpoint, prefixes);
  return prefixes;
}
