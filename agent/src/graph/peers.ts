/** With whom this node speaks BGP: the mesh of nodes, and what FabricPeer and BGPPeer resources say. */
import {
  asNumberOfLabel,
  type BGPConfiguration,
  type BGPPeer,
  type FabricPeer,
  type FabricPeerSpec,
  type Node,
  nodeAsNumber,
  selectorOf,
} from "@brindle/api";
import { anyOtherAs } from "@brindle/bgp";
import { type Address, type Family, networkOf, type Prefix, parseCidr } from "@brindle/net";
import { calicosPeer } from "./calicosPeer.ts";
import { sessionOf } from "./fabricSession.ts";
import { type Neighbour, type Place, placeKey } from "./neighbour.ts";
import { isFarFrom, routerPlace } from "./routerPlace.ts";

export interface PeeringState {
  readonly nodes: ReadonlyMap<string, Node>;
  readonly peers: ReadonlyMap<string, BGPPeer>;
  readonly fabricPeers: ReadonlyMap<string, FabricPeer>;
  /** `default`, and `node.<name>` for what is different on one node. */
  readonly configurations: ReadonlyMap<string, BGPConfiguration>;
  /** Where this node's default routes lead, as far as they do. */
  readonly gateways: Gateways;
}

export type Gateways = Readonly<Partial<Record<Family, Gateway>>>;

export interface Gateway {
  readonly address: Address;
  readonly interface: string;
}

/** A node as a BGP speaker. */
export interface NodeSpeaker {
  readonly name: string;
  readonly asn: number;
  /** Where it listens. */
  readonly port: number;
  readonly addresses: Readonly<Partial<Record<Family, Address>>>;
  /** Those that its addresses are in. */
  readonly networks: readonly Prefix[];
  readonly labels: Readonly<Record<string, string>>;
}

const bgpPort = 179; // RFC 4271 §8

export function nodeSpeaker(name: string, node: Node, configurations: PeeringState["configurations"]): NodeSpeaker {
  const { bgp = {} } = node.spec;
  const cluster = configurations.get("default") ?? null;
  const v4 = bgp.ipv4Address === undefined ? null : parseCidr(bgp.ipv4Address);
  const v6 = bgp.ipv6Address === undefined ? null : parseCidr(bgp.ipv6Address);
  return {
    name,
    asn: nodeAsNumber(bgp.asNumber, cluster),
    port: configurations.get(`node.${name}`)?.spec.listenPort ?? cluster?.spec.listenPort ?? bgpPort,
    addresses: { ...(v4 && { 4: v4.address }), ...(v6 && { 6: v6.address }) },
    networks: [v4, v6].flatMap((cidr) => (cidr ? [networkOf(cidr)] : [])),
    labels: node.metadata.labels ?? {},
  };
}

/**
 * At most one for each place. An explicit peer wins over the mesh, a FabricPeer over a BGPPeer, and the first by name over
 * the others.
 */
export function neighbours(self: NodeSpeaker, state: PeeringState): Neighbour[] {
  const others = [...state.nodes]
    .filter(([name]) => name !== self.name)
    .map(([name, node]) => nodeSpeaker(name, node, state.configurations));
  const context = { self, others, state };
  const fabric = [...state.fabricPeers].map(([name, { spec }]): Named => ({ name: `fabric/${name}`, spec }));
  const calicos = [...state.peers].map(
    ([name, { spec }]): Named => ({ name: `peer/${name}`, spec: calicosPeer(spec) }),
  );
  const all = [fabric, calicos].map((named) => named.flatMap((peer) => explicitNeighbours(peer, context)).sort(byName));
  const byPlace = new Map<string, Neighbour>();
  for (const neighbour of [...all.flat(), ...mesh(context).sort(byName)]) {
    const key = placeKey(neighbour.place);
    if (!byPlace.has(key)) byPlace.set(key, neighbour);
  }
  return [...byPlace.values()];
}

interface Context {
  readonly self: NodeSpeaker;
  readonly others: readonly NodeSpeaker[];
  readonly state: PeeringState;
}

interface Named {
  readonly name: string;
  readonly spec: FabricPeerSpec;
}

function mesh({ self, others, state }: Context): Neighbour[] {
  const { nodeToNodeMeshEnabled = true, nodeMeshPassword: password } = state.configurations.get("default")?.spec ?? {};
  if (!nodeToNodeMeshEnabled) return [];
  return others.flatMap((other): Neighbour[] => {
    const place = betweenNodes(self, other);
    if (!place) return [];
    return [{ name: `mesh/${other.name}`, role: "mesh", place, asn: other.asn, ...(password && { password }) }];
  });
}

function explicitNeighbours({ name, spec }: Named, context: Context): Neighbour[] {
  const { self, state } = context;
  if (spec.peerSelector !== undefined) return chosenNodes({ name, spec }, context);
  if (!selectsNode(spec, self)) return [];
  const found = routerPlace(spec, self, state.gateways);
  if (!found) return [];
  const { place, lacks: lacksPlace } = found;
  const { localAsn, lacks: lacksLocal } = presented(spec, self);
  const { asn, lacks: lacksAsn } = asOf(spec, { self, localAsn, cluster: state.configurations.get("default") ?? null });
  const isFar = isFarFrom(self, place);
  const wish = sessionOf(spec, { isFar, ...(localAsn !== undefined && { localAsn }) });
  const border = lacksBorder(spec, asn, localAsn ?? self.asn);
  const lacks = lacksPlace ?? lacksLocal ?? lacksAsn ?? border ?? lacksFamily(spec, self);
  return [{ name, role: "peer", place, asn, ...wish, ...(lacks !== undefined && { lacks }) }];
}

/** The nodes that are peered with hear of it from the same resource (Calico's `reversePeering: Auto`). */
function chosenNodes({ name, spec }: Named, { self, others }: Context): Neighbour[] {
  const isPeer = (node: NodeSpeaker): boolean => matches(spec.peerSelector, node);
  const isOurs = selectsNode(spec, self);
  const peersBack = spec.reversePeering !== "Manual" && isPeer(self);
  const chosen = others.filter((other) => (isOurs && isPeer(other)) || (peersBack && selectsNode(spec, other)));
  return chosen.flatMap((other): Neighbour[] => {
    const place = betweenNodes(self, other);
    if (!place) return [];
    const { localAsn, lacks = lacksFamily(spec, self) } = isOurs ? presented(spec, self) : {};
    const theirs = selectsNode(spec, other) ? presented(spec, other).localAsn : undefined;
    const wish = sessionOf(spec, { isFar: isFarFrom(self, place), ...(localAsn !== undefined && { localAsn }) });
    const named = { name: `${name}/${other.name}`, role: "peer", place, asn: theirs ?? other.asn } as const;
    return [{ ...named, ...wish, ...(lacks !== undefined && { lacks }) }];
  });
}

interface Lacking {
  readonly lacks?: string;
}

/** As which AS the node presents itself, where that is not its own. */
function presented(
  { localASNumber, localASNumberFromNodeLabel: label }: FabricPeerSpec,
  node: NodeSpeaker,
): Lacking & { readonly localAsn?: number } {
  if (localASNumber !== undefined) return { localAsn: localASNumber };
  if (label === undefined) return {};
  const { asn, lacks } = labelled(label, node);
  return lacks === undefined ? { localAsn: asn } : { lacks };
}

function asOf(
  { asNumber, asNumberFromNodeLabel: label, peerType }: FabricPeerSpec,
  { self, localAsn, cluster }: { self: NodeSpeaker; localAsn: number | undefined; cluster: BGPConfiguration | null },
): Lacking & { readonly asn: number } {
  if (label !== undefined) return labelled(label, self);
  if (peerType !== undefined) return { asn: peerType === "Internal" ? (localAsn ?? self.asn) : anyOtherAs };
  return { asn: asNumber ?? nodeAsNumber(undefined, cluster) };
}

function labelled(label: string, { name, labels }: NodeSpeaker): Lacking & { readonly asn: number } {
  const value = labels[label];
  const asn = value === undefined ? null : asNumberOfLabel(value);
  if (asn !== null) return { asn };
  const reason = value === undefined ? `has no label ${label}` : `has a label ${label} that is no AS number: ${value}`;
  return { asn: anyOtherAs, lacks: `node ${name} ${reason}` };
}

/** RFC 9234 §4. Who is of which AS is known here, and not where the resource is written. */
function lacksBorder({ role }: FabricPeerSpec, asn: number, own: number): string | undefined {
  if (role === undefined || asn !== own) return undefined;
  return `its role is for a session between two AS, and both ends are of AS ${asn}`;
}

function lacksFamily({ families = [] }: FabricPeerSpec, { addresses }: NodeSpeaker): string | undefined {
  if (families.length === 0 || families.some((family) => addresses[family === "IPv4" ? 4 : 6])) return undefined;
  return `its session is to carry ${families.join(" and ")}, and the node has no such address`;
}

/** IPv4 where both have it: the session carries both families either way. */
function betweenNodes(self: NodeSpeaker, other: NodeSpeaker): Place | null {
  for (const family of [4, 6] as const) {
    const [localAddress, address] = [self.addresses[family], other.addresses[family]];
    if (localAddress && address) return { kind: "address", address, port: other.port, localAddress };
  }
  return null;
}

/** By name, by selector, or all. */
function selectsNode({ node: wanted, nodeSelector }: FabricPeerSpec, node: NodeSpeaker): boolean {
  if (wanted !== undefined) return wanted === node.name;
  return nodeSelector === undefined || matches(nodeSelector, node);
}

function matches(selector: string | undefined, node: NodeSpeaker): boolean {
  return selector !== undefined && selectorOf(selector).matches(node.labels);
}

function byName(a: Neighbour, b: Neighbour): number {
  return a.name < b.name ? -1 : 1;
}
