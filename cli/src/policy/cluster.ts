/** The cluster that a policy decision is about: live from the datastore, or from manifests with no cluster at all. */
import {
  type AnyKindOfResource,
  defaultAllowProfile,
  type FelixConfiguration,
  felixSettings,
  type Key,
  type ResourceKind,
  type Resources,
  type Store,
  type Undecodable,
  type WorkloadEndpoint,
} from "@brindle/api";
import {
  type AnyNetworkSet,
  asksForNodes,
  type Cluster,
  endpointToHostAction,
  enforcedPolicy,
  formatPolicyName,
  type NodeFacts,
  nodeFacts,
  type Policy,
  type PolicyKey,
  policyName,
  policySettings,
  readableEndpoint,
  readableNetworkSet,
  readableNodeFacts,
  surroundingsOf,
  unreadablePolicy,
  withNodes,
} from "@brindle/policy";
import type { Ports, ServicesAndSlices } from "../ports.ts";
import { type Floating, floatingIn } from "./floating.ts";
import { type HostPods, hostPodsByName } from "./hostPods.ts";
import { withHostPlaces } from "./hosts.ts";
import { readPolicyManifests } from "./manifests.ts";
import { servicesIn } from "./services.ts";

const neededKinds = [
  "WorkloadEndpoint",
  "NetworkPolicy",
  "GlobalNetworkPolicy",
  "StagedNetworkPolicy",
  "StagedGlobalNetworkPolicy",
  "StagedKubernetesNetworkPolicy",
  "NetworkSet",
  "GlobalNetworkSet",
  "HostEndpoint",
  "Tier",
  "Profile",
  "Node",
  "FelixConfiguration",
  "IPPool",
] as const satisfies readonly ResourceKind[];

export interface ReadCluster {
  readonly cluster: Cluster;
  /** What is stored and cannot be read: the answer may be wrong for the lack of it. */
  readonly problems: readonly string[];
  /** Policies that are not enforced as they are written: the answer is what the agents make of them. */
  readonly closed: readonly string[];
  readonly floating: ReadonlyMap<string, Floating>;
  /** What rules about nodes find. */
  readonly nodeFacts: readonly NodeFacts[];
  /** `null` where they are not told before somebody asks for one. */
  readonly hostPods: HostPods | null;
  /** Left out where nobody tells them. */
  readonly services?: ServicesAndSlices;
}

/** Where the cluster is: in manifests, or in the datastore where none are given. */
export interface ClusterOptions {
  readonly namespace: string;
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
}

export async function readCluster(options: ClusterOptions, ports: Ports): Promise<ReadCluster> {
  const { filename = [] } = options;
  if (filename.length === 0) return liveCluster(ports);
  const { namespace } = options;
  const { files, hostPods, ...read } = await readPolicyManifests({ ...options, filename }, ports);
  const { endpoints } = clusterOf(read.resources);
  const services = servicesIn(files, { namespace, endpoints, hostPods });
  const { endpointSlices } = services;
  return { ...clusterFrom({ ...read, endpointSlices }), services, hostPods: hostPodsByName(hostPods) };
}

async function liveCluster(ports: Ports): Promise<ReadCluster> {
  const read = await clusterIn(await ports.store());
  const services = await ports.services();
  if (!services) return read;
  const { cluster, ...rest } = read;
  const served = { ...cluster, endpointSlices: services.endpointSlices };
  const noLonger = new Set(judged(cluster).closed);
  const still = rest.closed.filter((problem) => !noLonger.has(problem));
  return { ...rest, cluster: served, closed: [...still, ...judged(served).closed], services };
}

/** With a warning for each thing that makes the answer less than whole. */
export async function readClusterAloud(options: ClusterOptions, ports: Ports): Promise<ReadCluster> {
  const read = await readCluster(options, ports);
  for (const problem of [...read.problems, ...read.closed]) ports.warn(problem);
  return read;
}

export async function clusterIn(store: Store): Promise<ReadCluster> {
  const listings = await Promise.all(neededKinds.map((kind) => store.list(kind)));
  const resources = listings.flatMap(({ items }) => items.map(({ value }): AnyKindOfResource => value));
  return clusterFrom({ resources, undecodable: listings.flatMap(({ undecodable }) => undecodable) });
}

interface Readings extends Pick<Cluster, "endpointSlices"> {
  readonly resources: readonly AnyKindOfResource[];
  readonly undecodable: readonly Undecodable[];
}

/** With what stands in the place of what cannot be read. */
function clusterFrom({ resources, undecodable, ...slices }: Readings): ReadCluster {
  const unread = undecodable.flatMap(closedInPlaceOf);
  const facts = [...ofKind(resources, "Node").map(nodeFacts), ...undecodable.flatMap(readableNode)];
  const { cluster, closed } = judged({ ...clusterOf(resources, facts), ...slices });
  const readable = undecodable.flatMap(readableEndpointPart);
  return {
    cluster: {
      ...cluster,
      endpoints: [...cluster.endpoints, ...readable],
      policies: [...cluster.policies, ...unread.flatMap(({ policy }) => policy ?? [])],
      networkSets: [...(cluster.networkSets ?? []), ...undecodable.flatMap(readablePart)],
    },
    problems: undecodable
      .filter(({ key }) => !isPolicyKey(key))
      .map(({ key, reason }) => `${key.kind} ${key.name} cannot be read: ${reason}`),
    closed: [...unread.map(({ problem }) => problem), ...closed, ...withoutNodes(resources)],
    floating: floatingIn([...resources, ...readable]),
    nodeFacts: facts,
    hostPods: null,
  };
}

/** A cluster has nodes, and manifests may lack them. */
export function withoutNodes(resources: readonly AnyKindOfResource[]): string[] {
  if (resources.some(({ kind }) => kind === "Node")) return [];
  return ofKind(resources, "GlobalNetworkPolicy")
    .filter(asksForNodes)
    .map(
      (policy) =>
        `${formatPolicyName(policyName(policy))} is about nodes, and no Node is told: its rules about them match nothing`,
    );
}

/** With what is said of policies that cannot be enforced as they are written. */
export function judged(cluster: Cluster): Pick<ReadCluster, "cluster" | "problems" | "closed"> {
  const around = surroundingsOf(cluster);
  const closed = cluster.policies.flatMap((policy) => {
    const { problem } = enforcedPolicy(policy, around);
    const name = formatPolicyName(policyName(policy));
    return problem === null ? [] : [`${name} is not enforced as it is written: ${problem}`];
  });
  return { cluster, problems: [], closed };
}

/** Nothing for what is no policy. */
export function closedInPlaceOf(unread: Undecodable): { readonly policy: Policy | null; readonly problem: string }[] {
  const { key } = unread;
  if (!isPolicyKey(key)) return [];
  const { resource, problem } = unreadablePolicy(key, unread);
  const name = formatPolicyName({ kind: key.kind, namespace: key.namespace ?? null, name: key.name });
  return [{ policy: resource, problem: `${name} cannot be read: ${problem}` }];
}

/** As an agent does that was started just now: one that has run longer may remember more of it. */
function readableEndpointPart(unread: Undecodable): WorkloadEndpoint[] {
  return unread.key.kind === "WorkloadEndpoint" ? [readableEndpoint(unread.key, unread, null).endpoint] : [];
}

function readableNode({ key, partial }: Undecodable): NodeFacts[] {
  return key.kind === "Node" ? [readableNodeFacts(partial, null)] : [];
}

/** As the agents do: of a set that cannot be read counts what can. */
function readablePart({ key, reason, partial }: Undecodable): AnyNetworkSet[] {
  const { kind } = key;
  return kind === "NetworkSet" || kind === "GlobalNetworkSet"
    ? [readableNetworkSet({ ...key, kind }, reason, partial).set]
    : [];
}

function isPolicyKey(key: Key): key is PolicyKey {
  return key.kind === "NetworkPolicy" || key.kind === "GlobalNetworkPolicy";
}

/** `known`: what rules about nodes find, where others than these resources tell it. */
export function clusterOf(resources: readonly AnyKindOfResource[], known?: readonly NodeFacts[]): Cluster {
  const profiles = ofKind(resources, "Profile");
  const nodes = ofKind(resources, "Node");
  const facts = known ?? nodes.map(nodeFacts);
  const policies = [...ofKind(resources, "NetworkPolicy"), ...ofKind(resources, "GlobalNetworkPolicy")];
  const hasDefault = profiles.some(({ metadata }) => metadata.name === defaultAllowProfile.metadata.name);
  return withHostPlaces({
    endpoints: ofKind(resources, "WorkloadEndpoint"),
    policies: policies.map((policy) => withNodes(policy, facts)),
    staged: [
      ...ofKind(resources, "StagedNetworkPolicy"),
      ...ofKind(resources, "StagedGlobalNetworkPolicy"),
      ...ofKind(resources, "StagedKubernetesNetworkPolicy"),
    ],
    hostEndpoints: ofKind(resources, "HostEndpoint"),
    tiers: ofKind(resources, "Tier"),
    // Every datastore tells it.
    profiles: hasDefault ? profiles : [...profiles, defaultAllowProfile],
    networkSets: [...ofKind(resources, "NetworkSet"), ...ofKind(resources, "GlobalNetworkSet")],
    nodes: new Map(nodes.map((node) => [node.metadata.name, nodeFacts(node).addresses])),
    ...felixMeaning(configurationsByName(resources)),
  });
}

/**
 * What is set for all nodes. One cluster is asked about, so what is set for some nodes alone is not heeded here.
 */
function felixMeaning(
  configurations: ReadonlyMap<string, FelixConfiguration>,
): Pick<Cluster, "failsafes" | "encapsulation" | "endpointToHostAction"> {
  const settings = felixSettings({ name: "", labels: {} }, configurations);
  const { failsafes, encapsulation } = policySettings(settings);
  return { failsafes, encapsulation, endpointToHostAction: endpointToHostAction(settings) };
}

function configurationsByName(resources: readonly AnyKindOfResource[]): ReadonlyMap<string, FelixConfiguration> {
  const configurations = ofKind(resources, "FelixConfiguration");
  return new Map(configurations.map((configuration) => [configuration.metadata.name, configuration]));
}

/** What a cluster was made of, but for its nodes and configurations. */
export function resourcesOf(cluster: Cluster): AnyKindOfResource[] {
  const { endpoints, policies, staged = [], hostEndpoints = [], tiers = [], networkSets = [], profiles } = cluster;
  return [...endpoints, ...policies, ...staged, ...hostEndpoints, ...tiers, ...networkSets, ...profiles];
}

function ofKind<K extends ResourceKind>(resources: readonly AnyKindOfResource[], kind: K): Resources[K][] {
  return resources.filter((resource): resource is Resources[K] => resource.kind === kind);
}
