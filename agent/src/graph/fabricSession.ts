/** What a FabricPeer says of its sessions, in the speaker's words. */
import { durationMs, type FabricPeerSpec } from "@brindle/api";
import type { GracefulRestartConfig, PeerConfig } from "@brindle/bgp";
import type { SessionFields, SessionWish } from "./neighbour.ts";

/** What counts of where the peer is. */
export interface Surroundings {
  /** Whether there may be routers on the way. */
  readonly isFar: boolean;
  /** As which the node presents itself, where that is not its own AS. */
  readonly localAsn?: number;
}

/** Calico's, where its kind has the field; else as `brindle-bgp` has them. */
const defaults = {
  bfdIntervalMs: 300,
  bfdMultiplier: 3,
  /** BIRD's; long enough for an image to be pulled and a node's agent to be started anew. */
  restartSeconds: 120,
  warningPercent: 80,
  restartAfterSeconds: 300,
} as const;

export function sessionOf(spec: FabricPeerSpec, surroundings: Surroundings): SessionWish {
  const { filters = [], password, announced, accepted } = spec;
  return {
    fields: { ...timesOf(spec), ...boundsOf(spec), ...meaningOf(spec), ...livenessOf(spec, surroundings) },
    ...(filters.length > 0 && { filters }),
    ...(announced && { announced }),
    ...(accepted && { accepted }),
    ...(password && { password }),
  };
}

function timesOf({ holdTime, keepaliveTime, connectRetryTime, passive }: FabricPeerSpec): SessionFields {
  return {
    ...(passive !== undefined && { passive }),
    ...(holdTime !== undefined && { holdSeconds: seconds(holdTime) }),
    // RFC 4271 §4.4 has none longer than a third of the hold time, which is at most 65,535 s.
    ...(keepaliveTime !== undefined && { keepaliveSeconds: Math.min(21_845, Math.max(1, seconds(keepaliveTime))) }),
    ...(connectRetryTime !== undefined && { connectRetrySeconds: Math.max(1, seconds(connectRetryTime)) }),
  };
}

function boundsOf({ ttlSecurity, maxPrefixes, numAllowedLocalASNumbers: ownAsMax }: FabricPeerSpec): SessionFields {
  return {
    ...(ttlSecurity !== undefined && { ttlSecurity }),
    ...(maxPrefixes && { maxPrefixes: prefixBound(maxPrefixes) }),
    ...(ownAsMax && { ownAsMax }),
  };
}

const actions = { Restart: "reset", Drop: "discard", Warn: "warn" } as const;

function prefixBound(bound: NonNullable<FabricPeerSpec["maxPrefixes"]>): NonNullable<PeerConfig["maxPrefixes"]> {
  const { limit, warningPercent = defaults.warningPercent, action = "Restart", restartAfter } = bound;
  const restartSeconds = restartAfter === undefined ? defaults.restartAfterSeconds : Math.max(1, seconds(restartAfter));
  return {
    4: limit,
    6: limit,
    action: actions[action],
    warnPercent: warningPercent,
    ...(action === "Restart" && { restartSeconds }),
  };
}

const roles = {
  Provider: "provider",
  Customer: "customer",
  Peer: "peer",
  RouteServer: "routeServer",
  RouteServerClient: "routeServerClient",
} as const;

const paths = {
  Receive: { receive: true },
  Send: { send: true },
  Both: { send: true, receive: true },
} as const;

function meaningOf(spec: FabricPeerSpec): SessionFields {
  const { role, strictRole, families, addPath = "Disabled", nextHopMode = "Auto" } = spec;
  return {
    ...(role && { localRole: roles[role] }),
    ...(strictRole && { strictRole }),
    ...(families && { families: ([4, 6] as const).filter((family) => families.includes(`IPv${family}`)) }),
    ...(addPath !== "Disabled" && { addPath: paths[addPath] }),
    ...(nextHopMode !== "Auto" && { nextHopMode: nextHopMode === "Self" ? ("self" as const) : ("keep" as const) }),
  };
}

function livenessOf(spec: FabricPeerSpec, { isFar, localAsn }: Surroundings): SessionFields {
  const { bfd, gracefulRestart, gracefulShutdown, administrativeShutdown } = spec;
  return {
    ...(bfd && { bfd: bfdOf(bfd, isFar) }),
    ...(gracefulRestart && { gracefulRestart: restartOf(gracefulRestart) }),
    ...(gracefulShutdown && { gracefulShutdown }),
    ...(administrativeShutdown && { shutdown: { text: administrativeShutdown.message ?? "" } }),
    ...(localAsn !== undefined && { localAsn }),
  };
}

function bfdOf(settings: NonNullable<FabricPeerSpec["bfd"]>, isFar: boolean): NonNullable<PeerConfig["bfd"]> {
  const { transmitInterval, receiveInterval, detectMultiplier: multiplier = defaults.bfdMultiplier, mode } = settings;
  const interval = (text: string | undefined): number =>
    text === undefined ? defaults.bfdIntervalMs : Math.round(durationMs(text) ?? defaults.bfdIntervalMs);
  const multihop = mode === "Multihop" || (mode !== "SingleHop" && isFar);
  return {
    minTxMs: interval(transmitInterval),
    minRxMs: interval(receiveInterval),
    multiplier,
    ...(multihop && { multihop }),
  };
}

/** The kernel forwards whether the agent lives or not. */
function restartOf(settings: NonNullable<FabricPeerSpec["gracefulRestart"]>): GracefulRestartConfig | null {
  const { mode = "Full", maxRestartTime, longLivedStaleTime } = settings;
  if (mode === "Disabled") return null;
  const longLivedSeconds = longLivedStaleTime === undefined ? 0 : seconds(longLivedStaleTime);
  return {
    restartSeconds: maxRestartTime === undefined ? defaults.restartSeconds : Math.max(1, seconds(maxRestartTime)),
    forwardingKept: true,
    ...(mode === "Helper" && { helperOnly: true as const }),
    ...(longLivedSeconds > 0 && { longLivedSeconds }),
  };
}

/** BGP's times are whole seconds; of a text that validation has seen. */
function seconds(text: string): number {
  return Math.floor((durationMs(text) ?? 0) / 1000);
}
