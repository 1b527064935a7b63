/** Every kind of resource, declared once. All that is generic (validation, stores, tables, CRDs) reads this. */
import { type AgentConfiguration, agentConfigurationKind } from "./agentConfiguration.ts";
import { type BGPConfiguration, bgpConfigurationKind } from "./bgpConfiguration.ts";
import { type BGPFilter, bgpFilterKind } from "./bgpFilter.ts";
import { type BGPPeer, bgpPeerKind } from "./bgpPeer.ts";
import { type CalicoNodeStatus, calicoNodeStatusKind } from "./calicoNodeStatus.ts";
import { type ClusterInformation, clusterInformationKind } from "./clusterInformation.ts";
import { type FabricPeer, fabricPeerKind } from "./fabricPeer.ts";
import { type FelixConfiguration, felixConfigurationKind } from "./felixConfiguration.ts";
import { type GlobalNetworkPolicy, globalNetworkPolicyKind } from "./globalNetworkPolicy.ts";
import { type GlobalNetworkSet, globalNetworkSetKind } from "./globalNetworkSet.ts";
import { type HostEndpoint, hostEndpointKind } from "./hostEndpoint.ts";
import { type IpamResources, ipamKinds } from "./ipam.ts";
import { type IPAMConfiguration, ipamConfigurationKind } from "./ipamConfiguration.ts";
import { type IPPool, ipPoolKind } from "./ipPool.ts";
import { type IPReservation, ipReservationKind } from "./ipReservation.ts";
import type { KindDefinition, UnsupportedField } from "./kind.ts";
import { type KubeControllersConfiguration, kubeControllersConfigurationKind } from "./kubeControllersConfiguration.ts";
import { type NetworkPolicy, networkPolicyKind } from "./networkPolicy.ts";
import { type NetworkSet, networkSetKind } from "./networkSet.ts";
import { type Node, nodeKind } from "./node.ts";
import { type Profile, profileKind } from "./profile.ts";
import { type StagedGlobalNetworkPolicy, stagedGlobalNetworkPolicyKind } from "./stagedGlobalNetworkPolicy.ts";
import {
  type StagedKubernetesNetworkPolicy,
  stagedKubernetesNetworkPolicyKind,
} from "./stagedKubernetesNetworkPolicy.ts";
import { type StagedNetworkPolicy, stagedNetworkPolicyKind } from "./stagedNetworkPolicy.ts";
import { type Tier, tierKind } from "./tier.ts";
import { reasonOf } from "./unsupported.ts";
import { type WorkloadEndpoint, workloadEndpointKind } from "./workloadEndpoint.ts";

/** Every kind that this version has, and its type: those of `projectcalico.org/v3`, and our own. */
export interface Resources {
  readonly Node: Node;
  readonly IPPool: IPPool;
  readonly BGPConfiguration: BGPConfiguration;
  readonly BGPPeer: BGPPeer;
  readonly WorkloadEndpoint: WorkloadEndpoint;
  readonly NetworkPolicy: NetworkPolicy;
  readonly GlobalNetworkPolicy: GlobalNetworkPolicy;
  readonly Profile: Profile;
  readonly ClusterInformation: ClusterInformation;
  readonly BGPFilter: BGPFilter;
  readonly IPReservation: IPReservation;
  readonly IPAMConfiguration: IPAMConfiguration;
  readonly Tier: Tier;
  readonly StagedNetworkPolicy: StagedNetworkPolicy;
  readonly StagedGlobalNetworkPolicy: StagedGlobalNetworkPolicy;
  readonly StagedKubernetesNetworkPolicy: StagedKubernetesNetworkPolicy;
  readonly NetworkSet: NetworkSet;
  readonly GlobalNetworkSet: GlobalNetworkSet;
  readonly HostEndpoint: HostEndpoint;
  readonly CalicoNodeStatus: CalicoNodeStatus;
  readonly FelixConfiguration: FelixConfiguration;
  readonly KubeControllersConfiguration: KubeControllersConfiguration;
  readonly FabricPeer: FabricPeer;
  readonly AgentConfiguration: AgentConfiguration;
}

export type ResourceKind = keyof Resources;

export const kinds: { readonly [K in ResourceKind]: KindDefinition<Resources[K]> } = {
  Node: nodeKind,
  IPPool: ipPoolKind,
  BGPConfiguration: bgpConfigurationKind,
  BGPPeer: bgpPeerKind,
  WorkloadEndpoint: workloadEndpointKind,
  NetworkPolicy: networkPolicyKind,
  GlobalNetworkPolicy: globalNetworkPolicyKind,
  Profile: profileKind,
  ClusterInformation: clusterInformationKind,
  BGPFilter: bgpFilterKind,
  IPReservation: ipReservationKind,
  IPAMConfiguration: ipamConfigurationKind,
  Tier: tierKind,
  StagedNetworkPolicy: stagedNetworkPolicyKind,
  StagedGlobalNetworkPolicy: stagedGlobalNetworkPolicyKind,
  StagedKubernetesNetworkPolicy: stagedKubernetesNetworkPolicyKind,
  NetworkSet: networkSetKind,
  GlobalNetworkSet: globalNetworkSetKind,
  HostEndpoint: hostEndpointKind,
  CalicoNodeStatus: calicoNodeStatusKind,
  FelixConfiguration: felixConfigurationKind,
  KubeControllersConfiguration: kubeControllersConfigurationKind,
  FabricPeer: fabricPeerKind,
  AgentConfiguration: agentConfigurationKind,
};

export const resourceKinds: readonly ResourceKind[] = Object.values(kinds).map(({ kind }) => kind);

/** The kind that a person means: its name, singular or plural in any case, or one of its aliases. */
export function findKind(word: string): ResourceKind | null {
  return Object.values(kinds).find((definition) => isMeantBy(word, definition))?.kind ?? null;
}

/** What a person may read: those of address management too, which nobody writes by hand. */
export interface ReadableResources extends Resources, IpamResources {}

export type ReadableKind = keyof ReadableResources;

export const readableKinds: { readonly [K in ReadableKind]: KindDefinition<ReadableResources[K]> } = {
  ...kinds,
  ...ipamKinds,
};

export function findReadableKind(word: string): ReadableKind | null {
  return Object.values(readableKinds).find((definition) => isMeantBy(word, definition))?.kind ?? null;
}

function isMeantBy(
  word: string,
  { kind, plural, aliases }: Pick<KindDefinition, "kind" | "plural" | "aliases">,
): boolean {
  return [kind.toLowerCase(), plural, ...aliases].includes(word.toLowerCase());
}

export function isResourceKind(kind: string): kind is ResourceKind {
  return Object.hasOwn(kinds, kind);
}

export interface UnsupportedRow extends UnsupportedField {
  readonly kind: ResourceKind;
  /** As a warning or a problem says it. */
  readonly reason: string;
}

/** The one table of the fields on which this version does not act, kind by kind. */
export function unsupportedFields(): readonly UnsupportedRow[] {
  return Object.values<KindDefinition & { readonly kind: ResourceKind }>(kinds).flatMap((definition) =>
    definition.unsupported.map((field) => ({
      kind: definition.kind,
      ...field,
      reason: reasonOf(definition, field),
    })),
  );
}
