/** What `brindlectl datastore export` saves: all that a datastore holds, without what belongs to that datastore alone. */
import {
  type AnyKindOfResource,
  apiVersion,
  type ClusterInformation,
  type Item,
  type ResourceKind,
  type Store,
} from "@brindle/api";

export interface Archive {
  /** Without uid, creation time and version. */
  readonly resources: readonly AnyKindOfResource[];
  readonly clusterInformation: ClusterInformation;
  readonly ipam: IpamArchive;
}

export interface IpamArchive {
  readonly affinities: readonly Entry<"BlockAffinity">[];
  readonly blocks: readonly Entry<"IPAMBlock">[];
  readonly handles: readonly Entry<"IPAMHandle">[];
  readonly config: Entry<"IPAMConfig"> | null;
}

export type IpamKind = "BlockAffinity" | "IPAMBlock" | "IPAMHandle" | "IPAMConfig";
export type Entry<K extends IpamKind = IpamKind> = Pick<Item<K>, "key" | "value">;

/** In the order in which they are written: affinities first, so that no block is ever without the one that explains it. */
export function ipamEntries({ affinities, blocks, handles, config }: IpamArchive): readonly Entry[] {
  return [...affinities, ...blocks, ...handles, ...(config ? [config] : [])];
}

/**
 * The kinds that the file of `calicoctl datastore migrate` holds, in its order: tiers before policies, nodes before what
 * names one. The rest is in lines that calicoctl takes for comments.
 */
export const calicoKinds: readonly ResourceKind[] = [
  "IPPool",
  "BGPPeer",
  "Tier",
  "GlobalNetworkPolicy",
  "StagedGlobalNetworkPolicy",
  "GlobalNetworkSet",
  "HostEndpoint",
  "KubeControllersConfiguration",
  "NetworkPolicy",
  "StagedNetworkPolicy",
  "StagedKubernetesNetworkPolicy",
  "NetworkSet",
  "Node",
  "BGPConfiguration",
  "FelixConfiguration",
  "IPReservation",
  "BGPFilter",
];

/** Carried by calicoctl's file. Copies of Kubernetes' own policies are not: where Kubernetes is the datastore, they are there. */
export function isInCalicoForm({ kind, metadata }: AnyKindOfResource): boolean {
  return calicoKinds.includes(kind) && !isCopyOfKubernetesPolicy(kind, metadata.name);
}

export function isCopyOfKubernetesPolicy(kind: ResourceKind, name: string): boolean {
  return kind === "NetworkPolicy" && name.startsWith("knp.");
}

/** Whether the datastore is Kubernetes, which makes nodes, endpoints and profiles by itself, of nodes, pods and namespaces. */
export function isKubernetes(store: Store): boolean {
  return store.transactions === "single";
}

export function clusterInformationOf(spec: ClusterInformation["spec"]): ClusterInformation {
  return { kind: "ClusterInformation", apiVersion, metadata: { name: "default" }, spec };
}
