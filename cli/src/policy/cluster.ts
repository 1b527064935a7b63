/** The cluster that a policy decision is about: live from the datastore, or from manifests with no cluster at all. */
import type { AnyKindOfResource, Node, ResourceKind, Resources, Store } from "@brindle/api";
import { type Address, parseAddress, parseCidr } from "@brindle/net";
import type { Cluster } from "@brindle/policy";

const neededKinds = [
  "WorkloadEndpoint",
  "NetworkPolicy",
  "GlobalNetworkPolicy",
  "Profile",
  "Node",
] as const satisfies readonly ResourceKind[];

export interface ReadCluster {
  readonly cluster: Cluster;
  /** What is stored and cannot be read: the answer may be wrong for the lack of it. */
  readonly problems: readonly string[];
}

export async function clusterIn(store: Store): Promise<ReadCluster> {
  const listings = await Promise.all(neededKinds.map((kind) => store.list(kind)));
  const resources = listings.flatMap(({ items }) => items.map(({ value }): AnyKindOfResource => value));
  const problems = listings
    .flatMap(({ undecodable }) => undecodable)
    .map(({ key, reason }) => `${key.kind} ${key.name} cannot be read: ${reason}`);
  return { cluster: clusterOf(resources), problems };
}

export function clusterOf(resources: readonly AnyKindOfResource[]): Cluster {
  return {
    endpoints: ofKind(resources, "WorkloadEndpoint"),
    policies: [...ofKind(resources, "NetworkPolicy"), ...ofKind(resources, "GlobalNetworkPolicy")],
    profiles: ofKind(resources, "Profile"),
    nodes: new Map(ofKind(resources, "Node").map((node) => [node.metadata.name, addressesOfNode(node)])),
  };
}

function ofKind<K extends ResourceKind>(resources: readonly AnyKindOfResource[], kind: K): Resources[K][] {
  return resources.filter((resource): resource is Resources[K] => resource.kind === kind);
}

function addressesOfNode({ spec }: Node): Address[] {
  const texts = [spec.bgp?.ipv4Address, spec.bgp?.ipv6Address, ...(spec.addresses ?? []).map(({ address }) => address)];
  return texts.flatMap((text) => (text === undefined ? [] : (parseCidr(text)?.address ?? parseAddress(text) ?? [])));
}
