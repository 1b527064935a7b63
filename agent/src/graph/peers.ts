/** With whom this node speaks BGP: the mesh of nodes, and what BGPPeer resources say. */
import {
  type BGPConfiguration,
  type BGPPeer,
  durationMs,
  type Node,
  nodeAsNumber,
  parsePeerIp,
  type SecretReference,
  selectorOf,
} from "@brindle/api";
import { type Address, type Family, formatAddress, parseAddress, parseCidr } from "@brindle/net";

/** A session to be, before anything is said about routes. */
export interface Neighbour {
  readonly name: string;
  readonly role: "mesh" | "peer";
  readonly address: Address;
  readonly port: number;
  readonly asn: number;
  /** Our own end. */
  readonly localAddress: Address;
  /** How many hops away it may be (RFC 5082). */
  readonly ttlSecurity?: number;
  /** How often it hears that we live, where that is oftener than each third of the hold time. */
  readonly keepaliveSeconds?: number;
  /** BGPFilters by name, in order. */
  readonly filters?: readonly string[];
  readonly nextHopMode?: "self" | "keep";
  /** Where the password stands without which it must not be dialled. */
  readonly password?: SecretReference;
}

export interface PeeringState {
  readonly nodes: ReadonlyMap<string, Node>;
  readonly peers: ReadonlyMap<string, BGPPeer>;
  /** `default`, and `node.<name>` for what is different on one node. */
  readonly configurations: ReadonlyMap<string, BGPConfiguration>;
}

/** A node as a BGP speaker. */
export interface NodeSpeaker {
  readonly name: string;
  readonly asn: number;
  /** Where it listens. */
  readonly port: number;
  readonly addresses: Readonly<Partial<Record<Family, Address>>>;
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
    labels: node.metadata.labels ?? {},
  };
}

/** At most one for each address. An explicit peer wins over the mesh, and the first by name over the others. */
export function neighbours(self: NodeSpeaker, state: PeeringState): Neighbour[] {
  const others = [...state.nodes]
    .filter(([name]) => name !== self.name)
    .map(([name, node]) => nodeSpeaker(name, node, state.configurations));
  const explicit = [...state.peers].flatMap(([name, peer]) =>
    explicitNeighbours(self, { name, peer }, { others, state }),
  );
  const all = [...explicit.sort(byName), ...mesh(self, others, state).sort(byName)];
  const byAddress = new Map<string, Neighbour>();
  for (const neighbour of all) {
    const key = formatAddress(neighbour.address);
    if (!byAddress.has(key)) byAddress.set(key, neighbour);
  }
  return [...byAddress.values()];
}

function mesh(self: NodeSpeaker, others: readonly NodeSpeaker[], { configurations }: PeeringState): Neighbour[] {
  const { nodeToNodeMeshEnabled = true, nodeMeshPassword: password } = configurations.get("default")?.spec ?? {};
  if (!nodeToNodeMeshEnabled) return [];
  return others.flatMap((other) => {
    const found = betweenNodes(self, other, { name: `mesh/${other.name}`, role: "mesh" });
    return found ? [{ ...found, ...(password && { password }) }] : [];
  });
}

interface Named {
  readonly name: string;
  readonly peer: BGPPeer;
}

function explicitNeighbours(
  self: NodeSpeaker,
  { name, peer }: Named,
  { others, state }: { readonly others: readonly NodeSpeaker[]; readonly state: PeeringState },
): Neighbour[] {
  const { spec } = peer;
  const isOurs = selectsNode(peer, self);
  if (spec.peerIP !== undefined)
    return isOurs ? [router(self, { name, peer }, state)].filter((found) => found !== null) : [];
  const isPeer = (node: NodeSpeaker): boolean => matches(spec.peerSelector, node);
  // The nodes that are peered with hear of it from the same resource (Calico's reversePeering: Auto).
  const chosen = others.filter((other) => (isOurs && isPeer(other)) || (isPeer(self) && selectsNode(peer, other)));
  return chosen.flatMap((other) => {
    const found = betweenNodes(self, other, { name: `peer/${name}/${other.name}`, role: "peer" });
    return found ? [{ ...found, ...settingsOf(peer) }] : [];
  });
}

/** What of the resource goes to the session as it stands there. Calico takes zero hops for none. */
function settingsOf({ spec }: BGPPeer): Omit<Neighbour, "name" | "role" | "address" | "port" | "asn" | "localAddress"> {
  const { ttlSecurity = 0, filters = [], nextHopMode, keepOriginalNextHop, password, keepaliveTime } = spec;
  // Whole seconds, as BIRD takes them; one at least, and RFC 4271 §4.4 has none longer than a third of the hold time.
  const keepaliveMs = keepaliveTime === undefined ? null : durationMs(keepaliveTime);
  const keepaliveSeconds = keepaliveMs === null ? null : Math.min(21_845, Math.max(1, Math.floor(keepaliveMs / 1000)));
  const mode = keepOriginalNextHop || nextHopMode === "Keep" ? "keep" : nextHopMode === "Self" ? "self" : null;
  return {
    ...(ttlSecurity !== 0 && { ttlSecurity }),
    ...(keepaliveSeconds !== null && { keepaliveSeconds }),
    ...(filters.length > 0 && { filters }),
    ...(mode && { nextHopMode: mode }),
    ...(password && { password }),
  };
}

function router(self: NodeSpeaker, { name, peer }: Named, { configurations }: PeeringState): Neighbour | null {
  const endpoint = parsePeerIp(peer.spec.peerIP ?? "");
  const address = endpoint && parseAddress(endpoint.address);
  const localAddress = address && self.addresses[address.family];
  if (!localAddress) return null;
  // A global peer that is one of the nodes concerns all the others.
  if (formatAddress(address) === formatAddress(localAddress)) return null;
  const asn = peer.spec.asNumber ?? nodeAsNumber(undefined, configurations.get("default") ?? null);
  const port = endpoint.port ?? bgpPort;
  return { name: `peer/${name}`, role: "peer", address, port, asn, localAddress, ...settingsOf(peer) };
}

/** IPv4 where both have it: the session carries both families either way. */
function betweenNodes(
  self: NodeSpeaker,
  other: NodeSpeaker,
  { name, role }: Pick<Neighbour, "name" | "role">,
): Neighbour | null {
  for (const family of [4, 6] as const) {
    const [localAddress, address] = [self.addresses[family], other.addresses[family]];
    if (localAddress && address) return { name, role, address, port: other.port, asn: other.asn, localAddress };
  }
  return null;
}

/** By name, by selector, or all. */
function selectsNode({ spec }: BGPPeer, node: NodeSpeaker): boolean {
  if (spec.node) return spec.node === node.name;
  return spec.nodeSelector ? matches(spec.nodeSelector, node) : true;
}

function matches(selector: string | undefined, node: NodeSpeaker): boolean {
  return selector !== undefined && selectorOf(selector).matches(node.labels);
}

function byName(a: Neighbour, b: Neighbour): number {
  return a.name < b.name ? -1 : 1;
}
