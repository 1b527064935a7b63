/** Which prefixes this node announces: its blocks, and the addresses that its pods hold in blocks of others. */
import type { BlockAffinity, IPPool, WorkloadEndpoint } from "@brindle/api";
import {
  addressBits,
  containsAddress,
  containsPrefix,
  formatPrefix,
  hostPrefix,
  type Prefix,
  parseCidr,
  parsePrefix,
} from "@brindle/net";

export interface OriginState {
  readonly node: string;
  readonly pools: ReadonlyMap<string, IPPool>;
  /** Named `host:<node>/<cidr>`. */
  readonly affinities: ReadonlyMap<string, BlockAffinity>;
  readonly endpoints: ReadonlyMap<string, WorkloadEndpoint>;
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
  const borrowed = localAddresses(state).filter(
    ({ address }) => !blocks.some((block) => containsAddress(block, address)),
  );
  const exported = exportedRanges(state.pools);
  const announced = [...blocks, ...borrowed].filter((prefix) =>
    exported.some((range) => containsPrefix(range, prefix)),
  );
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
  const local = [...endpoints.values()].filter(({ spec }) => spec.node === node);
  return local.flatMap(({ spec }) =>
    (spec.ipNetworks ?? []).flatMap((text) => {
      const cidr = parseCidr(text);
      return cidr && cidr.length === addressBits[cidr.address.family] ? hostPrefix(cidr.address) : [];
    }),
  );
}
