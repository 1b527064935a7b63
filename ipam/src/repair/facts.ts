/**
 * What a cluster says about its addresses, as one reading of it: what address management wrote, and who might own what it
 * gave. Only facts of one reading are compared with each other; a list that could not be read makes no facts at all.
 */
import type { IPPool, Item, Kind, Node, Undecodable } from "@brindle/api";
import { keyText } from "../conflict.ts";
import type { Found } from "../state.ts";

export interface IpamFacts {
  /** By CIDR. */
  readonly blocks: ReadonlyMap<string, Item<"IPAMBlock">>;
  /** By name, `host:<node>/<cidr>`. */
  readonly affinities: ReadonlyMap<string, Item<"BlockAffinity">>;
  /** By id. */
  readonly handles: ReadonlyMap<string, Item<"IPAMHandle">>;
  /** By `<namespace>/<name>`. */
  readonly endpoints: ReadonlyMap<string, Item<"WorkloadEndpoint">>;
  /** By name. */
  readonly nodes: ReadonlyMap<string, Item<"Node">>;
  readonly pools: readonly IPPool[];
  /** What is stored and does not decode: it may own anything that its name could own. */
  readonly undecodable: readonly Undecodable[];
  /** Whether endpoints are the pods themselves, which Kubernetes makes, or objects that CNI plugins write. */
  readonly endpointsArePods: boolean;
  /** What Kubernetes says behind the datastore; `null` where nobody knows. */
  readonly kubernetes: KubernetesFacts | null;
}

export interface KubernetesFacts {
  readonly nodes: ReadonlySet<string>;
  /** Nodes that are there and not Ready: what runs on them nobody can say. */
  readonly nodesAway: ReadonlySet<string>;
  /** By `<namespace>/<name>`; `null` where endpoints are pods anyway. */
  readonly pods: ReadonlyMap<string, PodFact> | null;
}

export interface PodFact {
  /** As its kubelet tells CNI, which for a static pod is no UID of Kubernetes. */
  readonly node: string;
}

/** Whether a node is gone: Kubernetes has it no more, or, where Kubernetes knows nothing of it, its Node resource is gone. */
export function isGone(node: string, facts: IpamFacts): boolean {
  const { nodes, kubernetes } = facts;
  const item = nodes.get(node);
  if (!item) return !kubernetes?.nodes.has(nameInKubernetes(node, facts)) && !isUnreadableNode(node, facts);
  const name = kubernetesNodeOf(item.value);
  return name !== null && kubernetes !== null && !kubernetes.nodes.has(name);
}

/**
 * Nothing on it is touched: it may run what nobody hears of, and cleans up after itself when it is back. Of a node whose
 * resource cannot be read nobody knows what Kubernetes calls it, and so what it says of it.
 */
export function isAway(node: string, facts: IpamFacts): boolean {
  const isNotReady = facts.kubernetes?.nodesAway.has(nameInKubernetes(node, facts)) ?? false;
  return isNotReady || isUnreadableNode(node, facts);
}

/** Why these facts are of no cluster that there is, in words: of none all would be gone, with every address. */
export function doubtOf(facts: IpamFacts): string | null {
  const { kubernetes, nodes, endpointsArePods } = facts;
  if (!kubernetes) return null;
  if (kubernetes.nodes.size === 0) return "the API server says that the cluster has no node";
  if (endpointsArePods || nodes.size === 0) return null;
  const isKnown = [...nodes.keys()].some((node) => kubernetes.nodes.has(nameInKubernetes(node, facts)));
  return isKnown ? null : "the API server knows none of the datastore's nodes: are both of the same cluster?";
}

/**
 * In etcd a node may bear another name than in Kubernetes. Where its resource, which says so, was deleted, its pods say where they
 * run: what it holds is not a gone node's as long as one of them is there.
 */
export function nameInKubernetes(node: string, facts: IpamFacts): string {
  const item = facts.nodes.get(node);
  if (item) return kubernetesNodeOf(item.value) ?? node;
  return facts.kubernetes?.nodes.has(node) ? node : (namesByPods(facts).get(node) ?? node);
}

/** Of nodes without a resource, by name: what Kubernetes calls them, by the pods of their endpoints. */
function namesByPods(facts: IpamFacts): ReadonlyMap<string, string> {
  const known = named.get(facts.endpoints);
  if (known) return known;
  const names = new Map<string, string>();
  named.set(facts.endpoints, names);
  const pods = facts.kubernetes?.pods;
  if (!pods) return names;
  const taken = new Set([...facts.nodes.values()].map(({ value }) => kubernetesNodeOf(value) ?? value.metadata.name));
  for (const { value } of facts.endpoints.values()) {
    const { node, pod, orchestrator } = value.spec;
    if (orchestrator !== "k8s" || pod === undefined || facts.nodes.has(node)) continue;
    const at = pods.get(`${value.metadata.namespace}/${pod}`)?.node;
    // A pod of that name may run elsewhere by now, on a node that is known by its own.
    if (at !== undefined && facts.kubernetes?.nodes.has(at) && !taken.has(at)) names.set(node, at);
  }
  return names;
}

/** Endpoints of one reading are asked about for each address. */
const named = new WeakMap<IpamFacts["endpoints"], ReadonlyMap<string, string>>();

function isUnreadableNode(node: string, { undecodable }: IpamFacts): boolean {
  return undecodable.some(({ key }) => key.kind === "Node" && key.name === node);
}

/** The node of Kubernetes that a Node resource stands for. */
export function kubernetesNodeOf({ spec }: Node): string | null {
  return spec?.orchRefs?.find(({ orchestrator }) => orchestrator === "k8s")?.nodeName ?? null;
}

/** The facts after a write, so that the next repair of the same reading rests on what is there now. */
export function withFound(facts: IpamFacts, found: readonly Found[]): IpamFacts {
  return {
    ...facts,
    blocks: changed(facts.blocks, "IPAMBlock", found),
    affinities: changed(facts.affinities, "BlockAffinity", found),
    handles: changed(facts.handles, "IPAMHandle", found),
    endpoints: changed(facts.endpoints, "WorkloadEndpoint", found),
    nodes: changed(facts.nodes, "Node", found),
  };
}

export function endpointText({ namespace = "", name }: { readonly namespace?: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

function changed<K extends Kind>(
  items: ReadonlyMap<string, Item<K>>,
  kind: K,
  found: readonly Found[],
): ReadonlyMap<string, Item<K>> {
  const ours = found.filter(({ key }) => key.kind === kind);
  if (ours.length === 0) return items;
  const next = new Map(items);
  for (const entry of ours) {
    const name = kind === "WorkloadEndpoint" ? endpointText(entry.key) : entry.key.name;
    if (entry.value === null) next.delete(name);
    else next.set(name, entry as Item<K>); // Its kind was compared.
  }
  return next;
}

/** Undecodable objects, as keys of maps. */
export function unreadable({ undecodable }: IpamFacts): ReadonlySet<string> {
  return new Set(undecodable.map(({ key }) => keyText(key)));
}

/** Whether pods of nodes that are gone are there still, so that soon there will be more to do. */
export function restsOnGoneNodes(facts: IpamFacts): boolean {
  return [...facts.endpoints.values()].some(({ value }) => isGone(value.spec.node, facts));
}
