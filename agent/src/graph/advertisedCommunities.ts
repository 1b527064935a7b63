/** Which communities the prefixes of a node carry: what BGPConfigurations say under `prefixAdvertisements`. */
import type { BGPConfiguration } from "@brindle/api";
import type { OwnRoute } from "@brindle/bgp";
import { containsPrefix, parsePrefix } from "@brindle/net";

/**
 * A prefix carries the communities of every entry whose network it lies in. As in Calico, what the node's own
 * configuration says stands in place of the cluster's.
 */
export function withCommunities(
  prefixes: readonly string[],
  node: string,
  configurations: ReadonlyMap<string, BGPConfiguration>,
): (string | OwnRoute)[] {
  const [own, cluster] = [configurations.get(`node.${node}`)?.spec, configurations.get("default")?.spec];
  const advertisements = own?.prefixAdvertisements ?? cluster?.prefixAdvertisements ?? [];
  if (advertisements.length === 0) return [...prefixes];
  const named = [...(cluster?.communities ?? []), ...(own?.communities ?? [])];
  const values = new Map(named.map(({ name, value }) => [name, value]));
  return prefixes.map((prefix) => {
    const communities = advertisements
      .filter(({ cidr }) => isInside(prefix, cidr))
      .flatMap((entry) => entry.communities.map((text) => values.get(text) ?? text));
    return communities.length === 0 ? prefix : { prefix, communities: [...new Set(communities)] };
  });
}

function isInside(prefix: string, cidr: string): boolean {
  const [inner, outer] = [parsePrefix(prefix), parsePrefix(cidr)];
  return inner !== null && outer !== null && containsPrefix(outer, inner);
}
