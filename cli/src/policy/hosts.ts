/**
 * Where host endpoints are, as far as resources tell: no agent is asked which interfaces a node has. A host endpoint that names
 * addresses in place of an interface is taken for the one by which its node speaks with others.
 */
import { type Address, parseAddress, sameAddress } from "@brindle/net";
import type { Cluster, HostInterfaces } from "@brindle/policy";

/** No interface is called so: Linux allows no blank. */
const unnamedInterface = "of its addresses";

/** With the addresses that host endpoints expect among those of their nodes. */
export function withHostPlaces(cluster: Cluster): Cluster {
  const { hostEndpoints = [] } = cluster;
  const nodes = new Map(cluster.nodes ?? []);
  const interfaces = new Map<string, HostInterfaces>();
  const uplinks = new Map<string, string>();
  for (const { spec } of hostEndpoints) {
    const expected = (spec.expectedIPs ?? []).flatMap((text) => parseAddress(text) ?? []);
    if (expected.length === 0) continue;
    const addresses = withOthers(nodes.get(spec.node) ?? [], expected);
    nodes.set(spec.node, addresses);
    if (spec.interfaceName) continue;
    interfaces.set(spec.node, new Map([[unnamedInterface, addresses]]));
    uplinks.set(spec.node, unnamedInterface);
  }
  return { ...cluster, nodes, interfaces, uplinks };
}

function withOthers(known: readonly Address[], addresses: readonly Address[]): Address[] {
  return [...known, ...addresses.filter((address) => !known.some((other) => sameAddress(other, address)))];
}
