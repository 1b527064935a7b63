/** What the node's BGP speaker is told to be: a function of what the datastore says now. */
import type { BGPFilter } from "@brindle/api";
import type { DynamicPeers, PeerConfig, PrefixMatch, RouteFilter, RoutePolicy, SpeakerConfig } from "@brindle/bgp";
import {
  type Address,
  addressBits,
  type Family,
  formatAddress,
  formatPrefix,
  type Prefix,
  parsePrefix,
} from "@brindle/net";
import type { Neighbour, Place, SessionFields } from "./neighbour.ts";
import { passwordOf, type Secrets } from "./passwords.ts";
import { type NodeSpeaker, neighbours, nodeSpeaker, type PeeringState } from "./peers.ts";
import { withChanges } from "./routeChanges.ts";
import { routeFilters } from "./routeFilters.ts";
import { routesToPeers } from "./routerPlace.ts";

export interface SpeakerState extends PeeringState {
  readonly node: string;
  /** Those that are understood. */
  readonly filters: ReadonlyMap<string, BGPFilter>;
  readonly secrets: Secrets;
  /** The ranges of all pools. */
  readonly ranges: readonly Prefix[];
  /** What this node announces, and nothing else: canonical text. */
  readonly originated: readonly string[];
}

/** RFC 4271 §10 suggests 90 s. */
const holdSeconds = 90;
const bgpPort = 179; // RFC 4271 §8
/** Of a range at a time. */
const rangePeersMax = 100;
const connectRetrySeconds = 5;
/** BIRD's; long enough for an image to be pulled and a node's agent to be started anew. */
const restartSeconds = 120;

/**
 * As Calico's `merge paths`: equal routes are used side by side. 16 is BIRD's limit, which asks for equal lengths of AS
 * paths, not for equal paths.
 */
const multipath = { paths: 16, relaxAsPath: true } as const;

export interface SpeakerPlan {
  readonly config: SpeakerConfig;
  /** The kernel routes to peers that are asked for (`reachableBy`). */
  readonly routes: ReadonlyMap<string, readonly string[]>;
}

/** `null` while the node has no address to speak from. */
export function speakerPlan(state: SpeakerState): SpeakerPlan | null {
  const node = state.nodes.get(state.node);
  if (!node) return null;
  const self = nodeSpeaker(state.node, node, state.configurations);
  if (Object.values(self.addresses).length === 0) return null;
  const all = neighbours(self, state);
  const ranges = all.flatMap((neighbour) => rangeOf(neighbour, { self, state }));
  const config: SpeakerConfig = {
    asn: self.asn,
    bgpId: bgpIdentifier(self),
    listen: listenAddresses(self, all).map((address) => ({ address, port: self.port })),
    peers: all.filter(({ place }) => place.kind !== "range").map((neighbour) => peerConfig(neighbour, { self, state })),
    ...(ranges.length > 0 && { dynamicPeers: ranges }),
    multipath,
    // The kernel forwards whether this process lives or not.
    gracefulRestart: { restartSeconds, forwardingKept: true },
    // Routers show it beside the session.
    identity: { hostName: state.node, software: "Brindle" },
  };
  return { config, routes: routesToPeers(all) };
}

/** A peer that is known by its link alone may dial an address that no configuration names. */
function listenAddresses({ addresses }: NodeSpeaker, all: readonly Neighbour[]): string[] {
  const named = Object.values(addresses);
  const isUnnumbered = all.some(({ place }) => place.kind !== "range" && place.interface !== undefined);
  if (!isUnnumbered) return named.map(formatAddress);
  return [...named.filter(({ family }) => family === 4).map(formatAddress), "::"];
}

function rangeOf(neighbour: Neighbour, reached: Reached): DynamicPeers[] {
  const { place, name } = neighbour;
  if (place.kind !== "range") return [];
  const { passive: _, ...template } = sessionConfig(neighbour, reached);
  return [{ name, range: formatPrefix(place.range), limit: rangePeersMax, template }];
}

export interface UndialledPeer {
  readonly name: string;
  readonly reason: string;
  /** Its Secret is asked for: soon more will be known. */
  readonly isWaiting: boolean;
}

/** The peers that are spoken with by nobody since their passwords are missing. */
export function undialledPeers(state: Pick<SpeakerState, "node" | "secrets"> & PeeringState): UndialledPeer[] {
  const node = state.nodes.get(state.node);
  if (!node) return [];
  return neighbours(nodeSpeaker(state.node, node, state.configurations), state).flatMap(({ name, password }) => {
    const found = passwordOf(password, state.secrets);
    return found.kind === "missing" ? [{ name, reason: found.reason, isWaiting: found.isWaiting }] : [];
  });
}

/**
 * Why nothing may follow from the BGPConfigurations of this node, `null` where all is well. One that is not understood
 * is not the same as none: without it the mesh would be on, and the AS number another.
 */
export function refusedConfiguration(node: string, problems: ReadonlyMap<string, string>): string | null {
  for (const name of ["default", `node.${node}`]) {
    const problem = problems.get(`BGPConfiguration ${name}`);
    if (problem !== undefined)
      return `sessions stay as they are, since BGPConfiguration ${name} is not understood: ${problem}`;
  }
  return null;
}

/**
 * The IPv4 address, or on a node without one any number but zero that is the node's own (RFC 6286 §2.1): the last four
 * bytes of its IPv6 address.
 */
function bgpIdentifier({ addresses }: NodeSpeaker): string {
  if (addresses[4]) return formatAddress(addresses[4]);
  const value = (addresses[6]?.value ?? 0n) & 0xffff_ffffn;
  return formatAddress({ family: 4, value: value === 0n ? 1n : value });
}

interface Reached {
  readonly state: SpeakerState;
  readonly self: NodeSpeaker;
}

/** Of a range it is what each peer in it is by. */
function sessionConfig(neighbour: Neighbour, { self, state }: Reached): Omit<PeerConfig, "name" | "address"> {
  const { role, asn, place, filters = [] } = neighbour;
  const fields = possibleFields(neighbour);
  const families = (fields.families ?? ([4, 6] as const)).filter((family) => self.addresses[family]);
  const isExternal = asn !== (fields.localAsn ?? self.asn);
  const importing = importPolicy(state.ranges, { isExternal });
  const exporting = { accept: state.originated.map(exactly) };
  const { importFilters = [], exportFilters = [] } = routeFilters(filters, state.filters);
  const changed = {
    importFilters: changedBy(neighbour, "accepted", { filters: importFilters, policy: importing }),
    exportFilters: changedBy(neighbour, "announced", { filters: exportFilters, policy: exporting }),
  };
  return {
    role,
    port: place.kind === "address" ? place.port : bgpPort,
    asn,
    passive: false,
    holdSeconds,
    connectRetrySeconds,
    ...fields,
    ...placeFields(place, families),
    ...secretFields(neighbour, state),
    families,
    nextHop: nextHops(self.addresses),
    ...(changed.importFilters.length > 0 && { importFilters: changed.importFilters }),
    ...(changed.exportFilters.length > 0 && { exportFilters: changed.exportFilters }),
    importPolicy: importing,
    exportPolicy: exporting,
  };
}

/** A session that cannot be leaves out what the speaker would refuse the whole configuration for. */
function possibleFields({ fields = {}, lacks }: Neighbour): SessionFields {
  if (lacks === undefined) return fields;
  const { localRole: _, strictRole: __, families: ___, ...possible } = fields;
  return possible;
}

function peerConfig({ place, ...neighbour }: Neighbour, reached: Reached): PeerConfig {
  // That of a peer by its interface becomes known there.
  const address = place.kind === "address" ? formatAddress(place.address) : "::";
  return { ...sessionConfig({ ...neighbour, place }, reached), name: neighbour.name, address };
}

function placeFields(place: Place, families: readonly Family[]): Partial<PeerConfig> {
  const name = place.kind === "range" ? undefined : place.interface;
  const local = place.kind === "interface" ? null : place.localAddress;
  return {
    ...(local && { localAddress: formatAddress(local) }),
    // RFC 8950: on a link without numbers IPv4 goes by way of IPv6.
    ...(name !== undefined && { interface: name, ...(families.includes(4) && { extendedNextHop: true }) }),
  };
}

function secretFields({ password: reference, lacks }: Neighbour, { secrets }: SpeakerState): Partial<PeerConfig> {
  const password = passwordOf(reference, secrets);
  const reason = lacks ?? (password.kind === "missing" ? password.reason : undefined);
  return {
    ...(password.kind === "known" && { password: password.value }),
    ...(reason !== undefined && { withheld: { reason } }),
  };
}

function changedBy(
  neighbour: Neighbour,
  direction: "announced" | "accepted",
  { filters, policy }: { readonly filters: readonly RouteFilter[]; readonly policy: RoutePolicy },
): readonly RouteFilter[] {
  const changes = neighbour[direction];
  return changes ? withChanges(filters, policy, { name: `${neighbour.name} ${direction}`, changes }) : filters;
}

function nextHops(addresses: Readonly<Partial<Record<Family, Address>>>): PeerConfig["nextHop"] {
  return {
    ...(addresses[4] && { 4: formatAddress(addresses[4]) }),
    ...(addresses[6] && { 6: formatAddress(addresses[6]) }),
  };
}

/**
 * Pods' ranges from everyone. A router may also be the way out: from another AS the default route is taken too, and
 * nothing else (RFC 8212: no configuration, no routes).
 */
function importPolicy(ranges: readonly Prefix[], { isExternal }: { isExternal: boolean }): RoutePolicy {
  const pods = ranges.map(
    (range): PrefixMatch => ({
      prefix: formatPrefix(range),
      minLength: range.length,
      maxLength: addressBits[range.address.family],
    }),
  );
  return { accept: isExternal ? [...pods, exactly("0.0.0.0/0"), exactly("::/0")] : pods };
}

function exactly(prefix: string): PrefixMatch {
  const length = parsePrefix(prefix)?.length ?? 0;
  return { prefix, minLength: length, maxLength: length };
}
