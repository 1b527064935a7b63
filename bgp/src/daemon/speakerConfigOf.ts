/** The speaker that settings describe. */
import { addressBits, parsePrefix } from "@brindle/net";
import type { BmpCollector } from "../bmp/config.ts";
import type { FilterRule, RouteFilter } from "../filter/rule.ts";
import type {
  BfdSettings,
  GracefulRestartConfig,
  MaxPrefixes,
  PeerConfig,
  PrefixMatch,
  RoutePolicy,
  SpeakerConfig,
} from "../speaker/config.ts";
import type { OwnRoute } from "../speaker/event.ts";
import type { FilterSettings } from "./filterFields.ts";
import { peerName } from "./readSettings.ts";
import type {
  BfdFileSettings,
  BmpSettings,
  DaemonSettings,
  GracefulRestartSettings,
  MaxPrefixesSettings,
  PeerSettings,
  PolicySettings,
} from "./settings.ts";

export const defaults = {
  port: 179,
  metricsPort: 9179,
  controlSocket: "/run/brindle/bgp.sock",
  holdSeconds: 90,
  connectRetrySeconds: 5,
  restartSeconds: 120,
  peerLimit: 100,
  bfdIntervalMs: 300,
  bfdMultiplier: 3,
  statisticsSeconds: 60,
} as const;

/** What the speaker is to be, and what it is to announce. */
export interface SpeakerWish {
  readonly config: SpeakerConfig;
  readonly originated: readonly (string | OwnRoute)[];
}

export interface WishFacts {
  /** The content of each `passwordFile`. */
  readonly passwords: ReadonlyMap<string, string>;
  /** `brindle-bgp 0.1.0` */
  readonly software: string;
}

export function speakerWish(settings: DaemonSettings, { passwords, software }: WishFacts): SpeakerWish {
  const { asNumber, routerID, listen = [], peers = [], gracefulRestart, hostName, domainName: domain } = settings;
  const { clusterID, gracefulShutdown, multipath, bmp } = settings;
  const config: SpeakerConfig = {
    asn: asNumber,
    bgpId: routerID,
    listen: listen.map(({ address, port = defaults.port }) => ({ address, port })),
    peers: peers.filter(({ range }) => range === undefined).map((peer) => peerConfig(peer, { settings, passwords })),
    ...dynamicPeers(peers, { settings, passwords }),
    ...(gracefulRestart && { gracefulRestart: restartConfig(gracefulRestart) }),
    ...(clusterID !== undefined && { clusterId: clusterID }),
    ...(gracefulShutdown && { gracefulShutdown }),
    ...(multipath && { multipath }),
    ...(bmp && { bmp: bmp.map(collectorOf) }),
    ...(hostName !== undefined && { identity: { hostName, ...(domain !== undefined && { domain }), software } }),
  };
  return { config, originated: (settings.originate ?? []).map(ownRoute) };
}

function collectorOf({
  address,
  port,
  monitor = ["inPrePolicy", "locRib"],
  statisticsInterval: statisticsSeconds = defaults.statisticsSeconds,
  connectRetryTime: retrySeconds,
}: BmpSettings): BmpCollector {
  return { address, port, monitor, statisticsSeconds, ...(retrySeconds !== undefined && { retrySeconds }) };
}

function restartConfig({
  restartTime = defaults.restartSeconds,
  forwardingKept = false,
  longLivedTime,
}: GracefulRestartSettings): GracefulRestartConfig {
  const longLived = longLivedTime === undefined ? {} : { longLivedSeconds: longLivedTime };
  return { restartSeconds: restartTime, forwardingKept, ...longLived };
}

function dynamicPeers(peers: readonly PeerSettings[], context: Context): Pick<SpeakerConfig, "dynamicPeers"> {
  const ranges = peers.flatMap((peer) => (peer.range === undefined ? [] : [{ ...peer, range: peer.range }]));
  if (ranges.length === 0) return {};
  return {
    dynamicPeers: ranges.map((peer) => {
      const { name, address: _, passive: __, ...template } = peerConfig(peer, context);
      return { name, range: peer.range, limit: peer.peerLimit ?? defaults.peerLimit, template };
    }),
  };
}

interface Context {
  readonly settings: DaemonSettings;
  readonly passwords: ReadonlyMap<string, string>;
}

function peerConfig(peer: PeerSettings, { settings, passwords }: Context): PeerConfig {
  const { peerIP, asNumber: asn = settings.asNumber, localAddress, nextHop = {}, nextHopMode } = peer;
  const password = peer.passwordFile === undefined ? undefined : passwords.get(peer.passwordFile);
  const policyDefault = asn === (peer.localASNumber ?? settings.asNumber) ? "accept" : "reject";
  return {
    name: peerName(peer),
    role: "peer",
    // That of an unnumbered peer becomes known on its interface.
    address: peerIP?.address ?? "::",
    ...(peer.interface !== undefined && { interface: peer.interface }),
    port: peerIP?.port ?? defaults.port,
    asn,
    ...(localAddress !== undefined && { localAddress }),
    passive: peer.passive ?? false,
    holdSeconds: peer.holdTime ?? defaults.holdSeconds,
    connectRetrySeconds: peer.connectRetryTime ?? defaults.connectRetrySeconds,
    families: peer.families ?? [4, 6],
    ...(password !== undefined && { password }),
    ...asTheyStand(peer),
    ...(peer.gracefulShutdown && { gracefulShutdown: true }),
    ...(peer.shutdown !== undefined && { shutdown: { text: peer.shutdown } }),
    ...(peer.maxPrefixes && { maxPrefixes: maxPrefixes(peer.maxPrefixes) }),
    ...(peer.bfd && { bfd: bfdOf(peer.bfd) }),
    nextHop: { ...(nextHop.ipv4 && { 4: nextHop.ipv4 }), ...(nextHop.ipv6 && { 6: nextHop.ipv6 }) },
    ...(nextHopMode && { nextHopMode }),
    ...routeFilters(peer.filters ?? [], settings.filters ?? {}),
    importPolicy: policyOf(peer.importPolicy ?? policyDefault),
    exportPolicy: policyOf(peer.exportPolicy ?? policyDefault),
  };
}

function maxPrefixes({ ipv4, ipv6, action = "reset", warnPercent, restartTime }: MaxPrefixesSettings): MaxPrefixes {
  return {
    ...(ipv4 !== undefined && { 4: ipv4 }),
    ...(ipv6 !== undefined && { 6: ipv6 }),
    action,
    ...(warnPercent !== undefined && { warnPercent }),
    ...(restartTime !== undefined && { restartSeconds: restartTime }),
  };
}

function bfdOf({ transmitInterval, receiveInterval, detectMultiplier, multihop }: BfdFileSettings): BfdSettings {
  return {
    minTxMs: transmitInterval ?? defaults.bfdIntervalMs,
    minRxMs: receiveInterval ?? defaults.bfdIntervalMs,
    multiplier: detectMultiplier ?? defaults.bfdMultiplier,
    ...(multihop !== undefined && { multihop }),
  };
}

/** Fields that mean in the library what they mean in the file. */
function asTheyStand(peer: PeerSettings): Partial<PeerConfig> {
  const { ttlSecurity, role, strictRole, routeReflectorClient, addPath, extendedNextHop, keepaliveTime, sendHoldTime } =
    peer;
  const { localASNumber: localAsn, numAllowedLocalASNumbers: ownAsMax } = peer;
  return {
    ...(localAsn !== undefined && { localAsn }),
    ...(ownAsMax !== undefined && { ownAsMax }),
    ...(ttlSecurity !== undefined && { ttlSecurity }),
    ...(role && { localRole: role }),
    ...(strictRole !== undefined && { strictRole }),
    ...(routeReflectorClient !== undefined && { routeReflectorClient }),
    ...(addPath && { addPath }),
    ...(extendedNextHop !== undefined && { extendedNextHop }),
    ...(keepaliveTime !== undefined && { keepaliveSeconds: keepaliveTime }),
    ...(sendHoldTime !== undefined && { sendHoldSeconds: sendHoldTime }),
  };
}

function routeFilters(
  names: readonly string[],
  filters: Readonly<Record<string, FilterSettings>>,
): Pick<PeerConfig, "importFilters" | "exportFilters"> {
  if (names.length === 0) return {};
  const directed = (v4: keyof FilterSettings, v6: keyof FilterSettings): RouteFilter[] =>
    names.map((name) => ({ name, rules: rulesOf(filters[name]?.[v4], filters[name]?.[v6]) }));
  return { importFilters: directed("importV4", "importV6"), exportFilters: directed("exportV4", "exportV6") };
}

function rulesOf(v4: readonly FilterRule[] | undefined, v6: readonly FilterRule[] | undefined): RouteFilter["rules"] {
  return { ...(v4 && { 4: v4 }), ...(v6 && { 6: v6 }) };
}

function policyOf(policy: PolicySettings): RoutePolicy {
  if (policy === "accept") return { accept: "all" };
  if (policy === "reject") return { accept: [] };
  return {
    accept: policy.map((row): PrefixMatch => {
      const { prefix, minLength, maxLength } = typeof row === "string" ? exactly(row) : row;
      const parsed = parsePrefix(prefix);
      const own = parsed?.length ?? 0;
      return { prefix, minLength: minLength ?? own, maxLength: maxLength ?? addressBits[parsed?.address.family ?? 4] };
    }),
  };
}

/** A prefix by itself means itself, as in a prefix list of any router. */
function exactly(prefix: string): { readonly prefix: string; readonly minLength: number; readonly maxLength: number } {
  const length = parsePrefix(prefix)?.length ?? 0;
  return { prefix, minLength: length, maxLength: length };
}

function ownRoute(
  route: string | NonNullable<Exclude<NonNullable<DaemonSettings["originate"]>[number], string>>,
): string | OwnRoute {
  if (typeof route === "string") return route;
  const { prefix, communities, med, localPreference } = route;
  return {
    prefix,
    ...(communities && { communities }),
    ...(med !== undefined && { med }),
    ...(localPreference !== undefined && { localPref: localPreference }),
  };
}
