/** Pods in the network of their node (`hostNetwork`): they have no endpoint, and policy takes them for the node itself. */
import type { HostPod } from "@brindle/api";
import { type Address, parseAddress, sameAddress } from "@brindle/net";
import type { Cluster } from "@brindle/policy";
import type { Ports } from "../ports.ts";
import type { ReadCluster } from "./cluster.ts";
import { namesOf, placed } from "./podNames.ts";

/** By `namespace/name`. */
export type HostPods = ReadonlyMap<string, HostPod>;

export function hostPodsByName(pods: readonly HostPod[]): HostPods {
  return new Map(pods.map((pod) => [`${pod.namespace}/${pod.name}`, pod]));
}

/** With those of whom a person speaks: manifests tell all there are, of a live cluster the API server is asked for each. */
export async function withHostPods(
  read: ReadCluster,
  asked: { readonly names: readonly string[]; readonly namespace: string },
  ports: Pick<Ports, "hostPods">,
): Promise<ReadCluster> {
  const hostPods = read.hostPods ?? (await hostPodsAmong(unknownOf(asked, read.cluster), ports));
  if (!hostPods) return read;
  return { ...read, hostPods, cluster: { ...read.cluster, nodes: nodesOf(read.cluster, hostPods) } };
}

async function hostPodsAmong(names: readonly string[], ports: Pick<Ports, "hostPods">): Promise<HostPods | null> {
  const pods = await ports.hostPods(names.map(parted));
  return pods && hostPodsByName(pods);
}

/** What is neither an address nor has an endpoint. */
function unknownOf(
  { names, namespace }: { readonly names: readonly string[]; readonly namespace: string },
  { endpoints }: Cluster,
): readonly string[] {
  const known = new Set(endpoints.flatMap(namesOf));
  const full = names.filter((name) => parseAddress(name) === null).map((name) => placed(name, namespace));
  return [...new Set(full)].filter((name) => !known.has(name));
}

/** A pod's own where its status tells them, else all of its node. */
export function addressesOfHostPod({ node, addresses }: HostPod, { nodes }: Cluster): readonly Address[] {
  const own = addresses.flatMap((text) => parseAddress(text) ?? []);
  return own.length > 0 ? own : (nodes?.get(node) ?? []);
}

/** What a pod has there is an address of its node, also where nobody else tells it. */
function nodesOf(cluster: Cluster, hostPods: HostPods): ReadonlyMap<string, readonly Address[]> {
  const nodes = new Map(cluster.nodes);
  for (const pod of hostPods.values()) {
    const known = nodes.get(pod.node) ?? [];
    const more = addressesOfHostPod(pod, cluster).filter((own) => !known.some((other) => sameAddress(own, other)));
    if (more.length > 0) nodes.set(pod.node, [...known, ...more]);
  }
  return nodes;
}

function parted(full: string): { readonly namespace: string; readonly name: string } {
  const slash = full.indexOf("/");
  return { namespace: full.slice(0, slash), name: full.slice(slash + 1) };
}
