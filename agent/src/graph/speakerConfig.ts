/** What the node's BGP speaker is told to be: a function of what the datastore says now. */
import type { BGPFilter } from "@brindle/api";
import type { PeerConfig, PrefixMatch, RoutePolicy, SpeakerConfig } from "@brindle/bgp";
import {
  type Address,
  addressBits,
  type Family,
  formatAddress,
  formatPrefix,
  type Prefix,
  parsePrefix,
} from "@brindle/net";
import { type Password, passwordOf, type Secrets } from "./passwords.ts";
import { type Neighbour, type NodeSpeaker, neighbours, nodeSpeaker, type PeeringState } from "./peers.ts";
import { routeFilters } from "./routeFilters.ts";

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
const connectRetrySeconds = 5;
/** BIRD's; long enough for an image to be pulled and a node's agent to be started anew. */
const restartSeconds = 120;

/**
 * As Calico's `merge paths`: equal routes are used side by side. 16 is BIRD's limit, which asks for equal lengths of AS
 * paths, not for equal paths.
 */
const multipath = { paths: 16, relaxAsPath: true } as const;

/** `null` while the node has no address to speak from. */
export function speakerConfig(state: SpeakerState): SpeakerConfig | null {
  const node = state.nodes.get(state.node);
  if (!node) return null;
  const self = nodeSpeaker(state.node, node, state.configurations);
  const addresses = Object.values(self.addresses);
  if (addresses.length === 0) return null;
  return {
    asn: self.asn,
    bgpId: bgpIdentifier(self),
    listen: addresses.map((address) => ({ address: formatAddress(address), port: self.port })),
    peers: neighbours(self, state).map((neighbour) => {
      const password = passwordOf(neighbour.password, state.secrets);
      return peerConfig(self, neighbour, { state, password });
    }),
    multipath,
    // The kernel forwards whether this process lives or not.
    gracefulRestart: { restartSeconds, forwardingKept: true },
    // Routers show it beside the session.
    identity: { hostName: state.node, software: "Brindle" },
  };
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

function peerConfig(
  self: NodeSpeaker,
  neighbour: Neighbour,
  { state, password }: { readonly state: SpeakerState; readonly password: Password },
): PeerConfig {
  const { name, role, port, asn } = neighbour;
  return {
    name,
    role,
    address: formatAddress(neighbour.address),
    port,
    asn,
    localAddress: formatAddress(neighbour.localAddress),
    passive: false,
    holdSeconds,
    connectRetrySeconds,
    ...(neighbour.ttlSecurity !== undefined && { ttlSecurity: neighbour.ttlSecurity }),
    ...(neighbour.keepaliveSeconds !== undefined && { keepaliveSeconds: neighbour.keepaliveSeconds }),
    ...(password.kind === "known" && { password: password.value }),
    ...(password.kind === "missing" && { withheld: { reason: password.reason } }),
    families: ([4, 6] as const).filter((family) => self.addresses[family]),
    nextHop: nextHops(self.addresses),
    ...(neighbour.nextHopMode && { nextHopMode: neighbour.nextHopMode }),
    ...routeFilters(neighbour.filters ?? [], state.filters),
    importPolicy: importPolicy(state.ranges, { isExternal: asn !== self.asn }),
    exportPolicy: { accept: state.originated.map(exactly) },
  };
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
