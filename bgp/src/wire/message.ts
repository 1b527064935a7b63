/**
 * The messages of BGP-4 as values: what the codecs of this folder decode to and encode from, and all that the session
 * machine and the RIB know of the wire. AS numbers are always four octets here; that an old speaker sends two
 * (RFC 6793) is known to the codecs alone.
 */
import type { Address, Family } from "@brindle/net";

export type Message = Open | Update | Notification | Keepalive | RouteRefresh;

export interface Open {
  readonly type: "open";
  /** From the four-octet AS capability where there is one, else from the header field. */
  readonly asn: number;
  readonly holdSeconds: number;
  /** The BGP identifier as an unsigned 32-bit number. */
  readonly bgpId: number;
  readonly capabilities: readonly Capability[];
}

export type Capability =
  | { readonly code: 1; readonly name: "multiprotocol"; readonly family: Family }
  | { readonly code: 2; readonly name: "routeRefresh" }
  /** RFC 8950 §4: families whose prefixes may have a next hop of the other family. */
  | { readonly code: 5; readonly name: "extendedNextHop"; readonly families: readonly NextHopFamilies[] }
  /** RFC 8654. */
  | { readonly code: 6; readonly name: "extendedMessage" }
  | { readonly code: 9; readonly name: "role"; readonly role: BgpRole }
  | { readonly code: 64; readonly name: "gracefulRestart"; readonly restart: GracefulRestart }
  | { readonly code: 65; readonly name: "fourOctetAs"; readonly asn: number }
  | { readonly code: 69; readonly name: "addPath"; readonly families: readonly AddPathFamily[] }
  /** RFC 7313. */
  | { readonly code: 70; readonly name: "enhancedRouteRefresh" }
  | { readonly code: 71; readonly name: "longLivedRestart"; readonly families: readonly LongLivedFamily[] }
  | { readonly code: 73; readonly name: "fqdn"; readonly host: string; readonly domain: string }
  /** The peer's program and its version (draft-abraitis-bgp-version-capability). */
  | { readonly code: 75; readonly name: "softwareVersion"; readonly text: string }
  /** One that we do not know, or an AFI/SAFI that we do not carry. */
  | { readonly code: number; readonly name: "unknown"; readonly value: Uint8Array };

/** RFC 9234 §4.1: what a speaker says that it is to its neighbour. */
export type BgpRole = "provider" | "routeServer" | "routeServerClient" | "customer" | "peer";

export interface NextHopFamilies {
  readonly family: Family;
  readonly nextHop: Family;
}

/** RFC 7911 §4. */
export interface AddPathFamily {
  readonly family: Family;
  readonly send: boolean;
  readonly receive: boolean;
}

/** RFC 9494 §3. */
export interface LongLivedFamily {
  readonly family: Family;
  readonly forwardingKept: boolean;
  /** How long routes may be kept beyond the restart time; 24 bits. */
  readonly staleSeconds: number;
}

/** RFC 4724 §3. */
export interface GracefulRestart {
  readonly restarting: boolean;
  /** RFC 8538 §2: a NOTIFICATION, too, leaves the routes for the restart time, unless it is a hard reset. */
  readonly notifications?: true;
  readonly restartSeconds: number;
  readonly families: readonly { readonly family: Family; readonly forwardingKept: boolean }[];
}

/**
 * Prefixes of one family, packed for the RIB: for each an address of one word (IPv4) or four (IPv6), high word first
 * and host bits zero, then one word with the length in bits.
 */
export interface PackedPrefixes {
  readonly family: Family;
  readonly words: Uint32Array;
  /** RFC 7911 §3: which of several paths each is; absent where there is but one. */
  readonly pathIds?: Uint32Array;
}

export interface Update {
  readonly type: "update";
  /** From the withdrawn field and from MP_UNREACH_NLRI. */
  readonly withdrawn: readonly PackedPrefixes[];
  /** From the NLRI field with NEXT_HOP, and from MP_REACH_NLRI with its own next hop. */
  readonly announced: readonly Announcement[];
  /** All attributes but the next hops and the NLRI; `null` where the message announces nothing. */
  readonly attributes: PathAttributes | null;
  /** The family whose initial table is complete (RFC 4724 §2), or `null`. */
  readonly endOfRib: Family | null;
  /** What was wrong and survived it (RFC 7606): the announced prefixes of `withdrawRoutes` are already in `withdrawn`. */
  readonly faults: readonly AttributeFault[];
}

export interface Announcement {
  readonly prefixes: PackedPrefixes;
  readonly nextHop: Address;
  /** RFC 2545 §3: the second, link-local next hop of IPv6. */
  readonly linkLocalNextHop?: Address;
  /** Not of the wire: the interface on which a link-local `nextHop` means something, as its receiver knows. */
  readonly interface?: string;
}

export interface AttributeFault {
  /** Zero where the fault is none of one attribute: the attributes are cut off, the prefixes of no use. */
  readonly code: number;
  readonly name: string;
  readonly done: "discardAttribute" | "withdrawRoutes";
  readonly reason: string;
}

export interface Notification {
  readonly type: "notification";
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

export interface Keepalive {
  readonly type: "keepalive";
}

export interface RouteRefresh {
  readonly type: "routeRefresh";
  readonly family: Family;
  /** RFC 7313 §3.2: what follows, up to the `end`, is the whole table again. Without it, a request. */
  readonly demarcation?: "begin" | "end";
}

export type Origin = "igp" | "egp" | "incomplete";

export interface AsPathSegment {
  readonly type: "sequence" | "set" | "confedSequence" | "confedSet";
  readonly asns: readonly number[];
}

/** Path attributes without next hop and NLRI. An absent field means an absent attribute. */
export interface PathAttributes {
  readonly origin: Origin;
  readonly asPath: readonly AsPathSegment[];
  readonly med?: number;
  readonly localPref?: number;
  readonly atomicAggregate?: true;
  readonly aggregator?: { readonly asn: number; readonly address: number };
  /** RFC 1997, each as an unsigned 32-bit number. */
  readonly communities?: readonly number[];
  readonly originatorId?: number;
  readonly clusterList?: readonly number[];
  /** RFC 4360, each as 16 hexadecimal digits. */
  readonly extendedCommunities?: readonly string[];
  /** RFC 8092. */
  readonly largeCommunities?: readonly (readonly [number, number, number])[];
  /** RFC 9234 §5: the AS beyond which the route may go to customers alone. */
  readonly onlyToCustomer?: number;
  /** Optional transitive attributes that we do not know; passed on with the partial bit (RFC 4271 §5). */
  readonly unknown?: readonly { readonly code: number; readonly flags: number; readonly value: Uint8Array }[];
}
