/** What a speaker tells of itself: the answers of the control interface, and the rows of `brindlectl bgp`. */
import type { Family } from "@brindle/net";
import type { PathStatus } from "./bfd/status.ts";

export type SessionPhase = "idle" | "connect" | "active" | "openSent" | "openConfirm" | "established";

/** All at a glance, without a walk over any table. */
export interface SpeakerSummary {
  readonly asn: number;
  readonly bgpId: string;
  readonly peers: readonly PeerSummary[];
  readonly rib: {
    /** With at least one route, usable or not. */
    readonly prefixes: number;
    readonly routes: number;
    readonly attributeSets: number;
  };
  /** Monitoring stations (RFC 7854); absent where none is configured. */
  readonly bmp?: readonly BmpStatus[];
  /** While a speaker that took over decides and tells nothing; absent afterwards, and where it took nothing over. */
  readonly restart?: RestartStatus;
  /** Connections turned away: from addresses of nobody, and of peers or ranges that had as many as they may. */
  readonly refused: RefusedConnections;
  /** How often a peer read so slowly that it was told by itself, since it held up others. */
  readonly fellBehind: number;
}

/** RFC 4724 §4.1: what the decision waits for, and until when at the latest. */
export interface RestartStatus {
  /** Peers whose tables have not come to their ends. */
  readonly peers: readonly string[];
  readonly deadlineMs: number;
}

export interface RefusedConnections {
  /** From addresses of nobody. */
  readonly unknown: number;
  /** Of peers that were not welcome: shut down, kept away, or from another address than they should come from. */
  readonly known: number;
  /** Of peers that had more connections without a session than they may: the one that came, or one that had said nothing. */
  readonly halfOpen: number;
  /** Of a range that had as many peers as it may. */
  readonly rangeFull: number;
  /** Of peers with a bound on hops, begun from further away (RFC 5082). */
  readonly tooFar: number;
}

/** What of a peer was not kept or not used, since it was beyond a bound; counts since the peer is known. */
export interface LimitCounts {
  /** Beyond `maxPrefixes` with the action `discard`. */
  readonly prefixes: number;
  /** More paths of one prefix than are kept (RFC 7911). */
  readonly paths: number;
  /** UPDATEs whose attributes are longer than any set that is kept. */
  readonly attributes: number;
  /** UPDATEs with longer AS paths than are used. */
  readonly asPath: number;
}

/** One monitoring station. */
export interface BmpStatus {
  /** Its address and port. */
  readonly name: string;
  readonly state: "idle" | "connecting" | "up";
  readonly sinceMs: number;
  /** The tables of which it is told. */
  readonly monitor: readonly string[];
  /** Sent to it since it was configured. */
  readonly messages: number;
  /** What it has not read yet. */
  readonly queuedBytes: number;
  /** How often it was hung up on for reading too slowly. */
  readonly overruns: number;
  readonly lastFailure: { readonly atMs: number; readonly text: string } | null;
}

export interface PeerSummary {
  readonly name: string;
  readonly address: string;
  readonly asn: number;
  readonly state: SessionPhase;
  readonly sinceMs: number;
  /** An operator takes the session down for a while. */
  readonly maintenance?: MaintenanceStatus["phase"];
  /** Absent while no limit was met. */
  readonly limited?: LimitCounts;
  /** Routes of all families together; `null` while the session is not Established. */
  readonly received: number | null;
  readonly accepted: number | null;
  readonly filtered: number | null;
  readonly advertised: number | null;
}

export interface PeerStatus {
  readonly name: string;
  readonly role: "mesh" | "peer";
  readonly address: string;
  readonly asn: number;
  readonly localAsn: number;
  readonly phase: SessionPhase;
  /** When the present phase began, milliseconds since 1970. */
  readonly sinceMs: number;
  /** How often the session was lost after it had been Established. */
  readonly flaps: number;
  /** `null` while nothing has ever failed. It outlives the recovery, so that one sees what had been wrong. */
  readonly lastFailure: SessionFailure | null;
  /** `null` while the session is not Established: counts of a session that is down would lie. */
  readonly session: EstablishedStatus | null;
  /** Of the path to the peer, where BFD watches it. */
  readonly bfd?: BfdStatus;
  /** Absent while no limit was met. */
  readonly limited?: LimitCounts;
  /** An operator takes the session down for a while (`bgp maintenance`). */
  readonly maintenance?: MaintenanceStatus;
}

export interface MaintenanceStatus {
  /** `draining`: the session stands, and its routes are the last resort (RFC 8326). */
  readonly phase: "draining" | "down";
  /** What the peer's operator reads. */
  readonly text: string | null;
  readonly sinceMs: number;
}

export interface BfdStatus extends PathStatus {
  /** When the session of BFD came into its state, milliseconds since 1970. */
  readonly sinceMs: number;
}

/** All that is known of one peer. */
export interface PeerDetail extends PeerStatus {
  readonly messages: { readonly sent: MessageCounts; readonly received: MessageCounts };
  /** What either side offered when the session came up; empty while there is none. */
  readonly capabilities: readonly CapabilityStatus[];
  /** What came of them, by name; `null` while there is no session. */
  readonly negotiated: Readonly<Record<string, unknown>> | null;
  /** Its last transitions, the oldest first. */
  readonly journal: readonly JournalEntry[];
}

/** Since the peer was configured, over all its sessions. */
export interface MessageCounts {
  readonly open: number;
  readonly update: number;
  readonly notification: number;
  readonly keepalive: number;
  readonly routeRefresh: number;
}

export interface CapabilityStatus {
  readonly code: number;
  readonly name: string;
  /** What each side said with it, `null` where it did not offer it. */
  readonly us: string | null;
  readonly peer: string | null;
}

export interface JournalEntry {
  readonly atMs: number;
  readonly from: SessionPhase;
  /** The same as `from` for an attempt that failed and changed nothing. */
  readonly to: SessionPhase;
  /** Why, where that is known. */
  readonly reason: string | null;
  /** Attempts behind it that went the same way: how many more, and when the last of them did this. Absent for none. */
  readonly again?: { readonly count: number; readonly lastMs: number };
}

export interface EstablishedStatus {
  readonly remoteBgpId: string;
  readonly holdSeconds: number;
  readonly families: readonly FamilyStatus[];
  /** What the peer has not read yet, as far as it has been made. */
  readonly queuedBytes: number;
  /** Of prefixes that come near to what is allowed, or pass it; absent while there is nothing to say. */
  readonly warnings?: readonly string[];
  /** Attributes that were wrong and that the session survived (RFC 7606); absent while there were none. */
  readonly attributeFaults?: { readonly count: number; readonly lastText: string };
}

export interface FamilyStatus {
  readonly family: Family;
  readonly received: number;
  readonly accepted: number;
  readonly filtered: number;
  readonly advertised: number;
}

export interface SessionFailure {
  readonly atMs: number;
  /** One line for a person: `peer sent Cease/Administrative Shutdown: "maintenance"`, `connection refused`. */
  readonly text: string;
  readonly notification?: { readonly sentBy: "us" | "peer"; readonly code: number; readonly subcode: number };
}

/** A route as a peer is told it, or would be. */
export interface AdvertisedRoute {
  readonly prefix: string;
  readonly nextHop: string | null;
  readonly asPath: string;
  readonly origin: string;
  readonly localPref: number | null;
  readonly med: number | null;
  readonly communities: readonly string[];
  readonly largeCommunities: readonly string[];
  /** The rule of a filter that lets it pass, and may have changed it; `null` for the policy. */
  readonly acceptedBy: { readonly filter: string; readonly place: number } | null;
  /** Against what the peer is told now; `null` where no other configuration was asked about. */
  readonly change: "new" | "changed" | "gone" | null;
}

export interface RouteStatus {
  readonly prefix: string;
  readonly best: boolean;
  /** The best, and what is used beside it by another next hop (`multipath`). */
  readonly used: boolean;
  /** The peer's name, or `local` for a prefix of our own. */
  readonly from: string;
  readonly nextHop: string | null;
  readonly asPath: string;
  readonly origin: string;
  readonly localPref: number | null;
  readonly med: number | null;
  readonly communities: readonly string[];
  readonly largeCommunities: readonly string[];
  /** Why it is not the best, by the name of the deciding rule; `null` for the best. */
  readonly lostBy: string | null;
  /** The number of that rule in the decision process, from 1; `null` for the best and for what import refused. */
  readonly lostByRule: number | null;
  /** The rule of a filter that refused it: the filter's name, and the rule's place in it from 1. */
  readonly refusedBy: { readonly filter: string; readonly place: number } | null;
}
