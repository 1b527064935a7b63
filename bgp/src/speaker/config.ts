/** What a speaker is told to be. Plain data: it comes over a thread boundary and from files. */
import type { Family } from "@brindle/net";
import type { BmpCollector } from "../bmp/config.ts";
import type { RouteFilter } from "../filter/rule.ts";
import type { BgpRole } from "../wire/message.ts";

export interface SpeakerConfig {
  readonly asn: number;
  /** The BGP identifier as a dotted quad. */
  readonly bgpId: string;
  /** Where to accept connections; empty for a speaker that only dials. */
  readonly listen: readonly { readonly address: string; readonly port: number }[];
  readonly peers: readonly PeerConfig[];
  /** Peers that are known by where they come from alone. The narrowest range that holds an address counts. */
  readonly dynamicPeers?: readonly DynamicPeers[];
  /** RFC 4724. Absent: not offered, and a peer that goes away takes its routes with it at once. */
  readonly gracefulRestart?: GracefulRestartConfig;
  readonly identity?: SpeakerIdentity;
  /** RFC 4456 §7: what reflectors of one cluster have in common, as a dotted quad; the BGP identifier unless told. */
  readonly clusterId?: string;
  /** RFC 8326: maintenance is near, and peers are to prefer other ways while ours still work. */
  readonly gracefulShutdown?: boolean;
  /** RFC 7854: stations that are told of sessions and routes. */
  readonly bmp?: readonly BmpCollector[];
  /** RFC 4271 §9.1.2.2 leaves room for several ways at once. Absent: one. */
  readonly multipath?: MultipathConfig;
  /**
   * This process takes the place of one that died, whose routes are still in force at the peers and in the kernel.
   * Heeded in the first configuration alone: nothing is decided or announced until every configured peer that restarts
   * gracefully has sent its table and our own prefixes are known, or until the deadline.
   */
  readonly restarting?: { readonly deadlineSeconds: number };
}

/** Routes that lose to the best by nothing but the last rules are used beside it. */
export interface MultipathConfig {
  /** How many next hops a prefix may have, 1 to 64. */
  readonly paths: number;
  /** Whether paths of one length through other neighbours count as equal (`bestpath as-path multipath-relax`). */
  readonly relaxAsPath?: boolean;
}

/** What peers are told for their operators to read: RFC-less capabilities that routers show. */
export interface SpeakerIdentity {
  readonly hostName: string;
  readonly domain?: string;
  /** `Brindle 0.1.0` */
  readonly software: string;
}

export interface GracefulRestartConfig {
  /** How long the peers shall wait for us to come back; at most 4095. */
  readonly restartSeconds: number;
  /** Whether packets are forwarded as before while this process is away, as they are where the kernel keeps routes. */
  readonly forwardingKept: boolean;
  /** RFC 9494: how much longer the peers shall keep our routes, as a last resort; at most 16777215. Absent: not offered. */
  readonly longLivedSeconds?: number;
  /** We keep the peer's routes, and ask it to keep none of ours (RFC 4724 §3: no family is named). */
  readonly helperOnly?: true;
}

/** Everybody in a range may connect, is never dialled, and is gone with its session and the routes kept from it. */
export interface DynamicPeers {
  /** Of the range; a peer of it is called `name/address`. */
  readonly name: string;
  readonly range: string;
  /** How many there may be at a time, connected or remembered. */
  readonly limit: number;
  readonly template: Omit<PeerConfig, "name" | "address" | "passive">;
}

/** As `PeerConfig.asn`: the peer may be of any AS but our own. RFC 7607: it is nobody's. */
export const anyOtherAs = 0;

export interface PeerConfig {
  /** Unique, stable, and what a person reads: `mesh/node2`, `peer/tor-a`. */
  readonly name: string;
  /** `mesh` and `peer` only group the output of `bgp peers`; they change nothing in the protocol. */
  readonly role: "mesh" | "peer";
  readonly address: string;
  /**
   * Unnumbered: the peer is the router that advertises itself on this interface (RFC 4861), `address` is `::` and becomes
   * its link-local one when it does. We advertise ourselves there too. IPv4 takes `extendedNextHop`.
   */
  readonly interface?: string;
  readonly port: number;
  /** `anyOtherAs` for one that is only known to be of another AS than ours. */
  readonly asn: number;
  /** The AS as which we present ourselves to this peer, in place of the speaker's: in OPEN, in AS_PATH, in what is a loop. */
  readonly localAsn?: number;
  /** How often our own AS may stand in the path of a route that we take from it; 0 unless given (RFC 4271 §9.1.2). */
  readonly ownAsMax?: number;
  /** In place of the speaker's; `null`: not offered. */
  readonly gracefulRestart?: GracefulRestartConfig | null;
  /** The source address of our connections, and the one on which the peer's must arrive. */
  readonly localAddress?: string;
  /** Wait for the peer to dial. */
  readonly passive: boolean;
  readonly holdSeconds: number;
  readonly connectRetrySeconds: number;
  readonly families: readonly Family[];
  /**
   * The password of TCP's signatures (RFC 2385), 1 to 80 bytes of UTF-8: connections without it come to nothing. It is in
   * no action, status, error or log.
   */
  readonly password?: string;
  /** RFC 5082: how many hops away the peer may be, 1 for one on the same link. Packets from further away are dropped. */
  readonly ttlSecurity?: number;
  /** RFC 9234: what we are to this peer of another AS, so that routes do not leak. `strictRole` refuses one without a role. */
  readonly localRole?: BgpRole;
  readonly strictRole?: boolean;
  /** RFC 4456: a peer of our own AS to whom we tell what other internal peers say, and they what it says. */
  readonly routeReflectorClient?: boolean;
  /** RFC 7911: all routes of a prefix, not the best alone, are told to the peer, or taken from it. Absent: neither. */
  readonly addPath?: AddPathConfig;
  /** RFC 8950: IPv4 prefixes may have IPv6 next hops. */
  readonly extendedNextHop?: boolean;
  /** RFC 9687: for how long the peer may read nothing; by default eight minutes, or two hold times where that is longer. */
  readonly sendHoldSeconds?: number;
  /** How often the peer hears that we live, where that is to be oftener than each third of the hold time. */
  readonly keepaliveSeconds?: number;
  /** RFC 8326: this session is about to be shut down, and its routes are to be the last resort on both sides. */
  readonly gracefulShutdown?: boolean;
  /** Administratively down: no session is, and one that was ends with this text for the peer's operator (RFC 9003). */
  readonly shutdown?: { readonly text: string };
  /**
   * There is no session, in either direction, since something that it needs is missing; whoever asks for the peer is told
   * the reason. The peer hears nothing of it.
   */
  readonly withheld?: { readonly reason: string };
  readonly maxPrefixes?: MaxPrefixes;
  /** RFC 5880: the path to the peer is watched, and a session whose path breaks ends at once. */
  readonly bfd?: BfdSettings;
  /** Our own address of each family, sent as next hop. The connection's address serves where it has the family. */
  readonly nextHop: { readonly 4?: string; readonly 6?: string };
  /**
   * What becomes of the next hop of learned routes. By default a peer of another AS is told our own address (`self`),
   * and one of our own AS that which we learned (`keep`).
   */
  readonly nextHopMode?: "self" | "keep";
  /** Asked before the policies: the first rule that matches a route decides, and may change it. */
  readonly importFilters?: readonly RouteFilter[];
  readonly exportFilters?: readonly RouteFilter[];
  readonly importPolicy: RoutePolicy;
  readonly exportPolicy: RoutePolicy;
}

export interface AddPathConfig {
  readonly send?: boolean;
  readonly receive?: boolean;
  /** So many of a prefix are told, the best ones; all unless given. */
  readonly sendMax?: number;
  /** So many of a prefix are kept, and more are dropped; 32 unless given. */
  readonly receiveMax?: number;
}

/** How a path is watched. Both ends count: packets go as seldom as the slower of the two wants. */
export interface BfdSettings {
  /** Packets of ours go no oftener; 10 to 60,000. */
  readonly minTxMs: number;
  /** The peer's may come no oftener; 10 to 60,000. */
  readonly minRxMs: number;
  /** After how many of our packets that did not come we are gone; 1 to 255. */
  readonly multiplier: number;
  /** RFC 5883: there are routers on the way. Otherwise packets of anybody further than one hop away are dropped. */
  readonly multihop?: boolean;
}

/** A bound on what a peer may announce, accepted or not. */
export interface MaxPrefixes {
  readonly 4?: number;
  readonly 6?: number;
  /**
   * What happens beyond it: the session ends with Cease/Maximum Number of Prefixes Reached, an operator is told, or what
   * is beyond is not kept (an operator is told, too, and a refresh brings it when there is room).
   */
  readonly action: "reset" | "warn" | "discard";
  /** From how many hundredths of it on an operator is told; 75 unless given. */
  readonly warnPercent?: number;
  /** How long the peer stays away after a reset. Absent: until somebody resets it or changes its configuration. */
  readonly restartSeconds?: number;
}

/**
 * Which prefixes pass. `accept: "all"` passes everything; a list passes what a row contains and nothing else, so an
 * empty list passes nothing (RFC 8212: what nobody configured is not exchanged).
 */
export interface RoutePolicy {
  readonly accept: "all" | readonly PrefixMatch[];
}

export interface PrefixMatch {
  /** Prefixes inside this one … */
  readonly prefix: string;
  /** … whose length is between these, both included. */
  readonly minLength: number;
  readonly maxLength: number;
}
