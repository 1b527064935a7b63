/** The blocks of a node and how full they are: one read of the datastore for each. */
import type { BlockStatus, Store } from "@brindle/api";
import { containsPrefix, formatPrefix, type Prefix, parsePrefix } from "@brindle/net";
import { ownBlocks } from "../graph/originated.ts";
import type { ClusterSync } from "./clusterSync.ts";

export async function blockStatus(
  node: string,
  { store, cluster }: { readonly store: Store; readonly cluster: ClusterSync },
): Promise<BlockStatus[]> {
  const blocks = ownBlocks({ node, affinities: cluster.state.all("BlockAffinity") });
  const pools = [...cluster.state.all("IPPool").values()];
  return Promise.all(
    blocks.map(async (block) => {
      const cidr = formatPrefix(block);
      const item = await store.get({ kind: "IPAMBlock", name: cidr });
      const allocations = item?.value.allocations ?? [];
      const pool = pools.find(({ spec }) => isInside(spec.cidr, block))?.metadata.name ?? null;
      return { cidr, pool, size: allocations.length, inUse: allocations.filter((slot) => slot !== null).length };
    }),
  );
}

function isInside(cidr: string, block: Prefix): boolean {
  const pool = parsePrefix(cidr);
  return pool !== null && containsPrefix(pool, block);
}
