/**
 * What a speaker is told and what it wants done: plain data, so that a run can be recorded, replayed, simulated, and
 * sent between threads.
 */
import type { BfdPath } from "../bfd/paths.ts";
import type { PathStatus } from "../bfd/status.ts";
import type { CollectorTimer } from "../bmp/collector.ts";
import type { PeerStatus } from "../control.ts";
import type { NextHopFact } from "../rib/nextHopTable.ts";
import type { SessionTimer } from "../session/state.ts";
import type { SpeakerConfig } from "./config.ts";
import type { MaintenanceWish } from "./maintenance.ts";

/** Connections that we dial count up from 1; those which the shell accepts count down from -1. */
export type ConnectionId = number;

export type SpeakerEvent =
  /** The whole configuration, which takes the place of the one before. */
  | { readonly type: "configure"; readonly config: SpeakerConfig }
  /** All prefixes of our own, in place of those before. */
  | { readonly type: "originate"; readonly prefixes: readonly (string | OwnRoute)[] }
  | { readonly type: "nextHops"; readonly facts: readonly NextHopFact[] }
  | {
      readonly type: "accepted";
      readonly connection: ConnectionId;
      readonly localAddress: string;
      readonly remoteAddress: string;
      readonly ports?: TransportPorts;
    }
  | {
      readonly type: "connected";
      readonly connection: ConnectionId;
      readonly localAddress: string;
      readonly ports?: TransportPorts;
    }
  /** The dial failed, or the transport ended; not told for a connection that we closed. */
  | { readonly type: "closed"; readonly connection: ConnectionId; readonly reason: string }
  | { readonly type: "bytes"; readonly connection: ConnectionId; readonly bytes: Uint8Array }
  /** All that was sent on the connection has gone to the kernel. */
  | { readonly type: "drained"; readonly connection: ConnectionId }
  | { readonly type: "timer"; readonly timer: SpeakerTimer }
  /** A listening socket has no room for the passwords of these peers, by name: they cannot reach us. */
  | { readonly type: "passwordsNotHeard"; readonly peers: readonly string[] }
  /** A connection was closed unread, since it was begun from further away than the peer there may be (RFC 5082). */
  | { readonly type: "tooFar"; readonly remoteAddress: string }
  /** So many TCP segments have been dropped for their signatures since the start (RFC 2385), whoever sent them. */
  | { readonly type: "signaturesDropped"; readonly count: number }
  /** What BFD knows of the path to a peer that is watched. */
  | { readonly type: "path"; readonly peer: string; readonly status: PathStatus }
  /** The turn that a `wake` asked for. */
  | { readonly type: "turn" }
  /** Asks a peer to send everything again, or `null` all of them (RFC 2918). */
  | { readonly type: "refresh"; readonly peer: string | null }
  /** Ends a peer's session with Cease/Administrative Reset and begins anew; the text is for the peer's operator (RFC 9003). */
  | { readonly type: "reset"; readonly peer: string; readonly text?: string }
  /** Takes a peer's session, or with `null` all of them, down for a while; a `wish` of `null` ends that. */
  | { readonly type: "maintenance"; readonly peer: string | null; readonly wish: MaintenanceWish | null }
  /**
   * The end of the process. With `keepForwarding` connections close without NOTIFICATION, so that peers which restart
   * gracefully keep our routes; without it, peers hear Cease/Administrative Shutdown.
   */
  | { readonly type: "stop"; readonly keepForwarding: boolean; readonly text?: string };

export type SpeakerTimer =
  | { readonly of: "session"; readonly peer: string; readonly session: number; readonly timer: SessionTimer }
  /**
   * `stale`: how long the routes of a restarting peer are kept. `retry`: when to try again after a failure. `collision`:
   * how long one connection waits for another that is under way. `absence`: how long a router has to advertise itself.
   */
  | { readonly of: "peer"; readonly peer: string; readonly timer: PeerTimer }
  | { readonly of: "collector"; readonly collector: string; readonly timer: CollectorTimer }
  | { readonly of: "speaker"; readonly timer: "restartDeadline" };

/** Of a peer, whatever sessions it has. `maintenance`: how long its routes are the last resort before it goes down. */
export type PeerTimer = "retry" | "stale" | "collision" | "maintenance" | "absence";

export type SpeakerAction =
  | { readonly type: "connect"; readonly connection: ConnectionId; readonly to: Dial }
  | { readonly type: "send"; readonly connection: ConnectionId; readonly bytes: Uint8Array }
  /** After what was sent has left. */
  | { readonly type: "close"; readonly connection: ConnectionId }
  /** Arms anew when it is running. */
  | { readonly type: "arm"; readonly timer: SpeakerTimer; readonly seconds: number }
  | { readonly type: "disarm"; readonly timer: SpeakerTimer }
  /** The path to the peer is to be watched by BFD, from now on in this way; what it knows comes as `path` events. */
  | { readonly type: "watch"; readonly peer: string; readonly path: BfdPath }
  | { readonly type: "unwatch"; readonly peer: string }
  /** There is more to do than one turn may take: a `turn` event soon, after timers and sockets had theirs. */
  | { readonly type: "wake" }
  /** `unpackBestChanges` makes values of them. */
  | { readonly type: "bestChanged"; readonly changes: PackedBestChanges }
  | { readonly type: "peerChanged"; readonly peer: PeerStatus }
  /**
   * Once: what was told by then is decided, and nobody is left who may still have routes of an earlier run to tell: who
   * holds such may sweep them. A speaker that took over decides before that, where a peer restarts itself or is away.
   */
  | { readonly type: "tableComplete" };

/** A prefix of our own with attributes; one that has none may as well be its text. */
export interface OwnRoute {
  readonly prefix: string;
  /** Of both kinds, as text: `64512:100`, `64512:1:2`, `no-export`. */
  readonly communities?: readonly string[];
  readonly med?: number;
  readonly localPref?: number;
}

/** Of a TCP connection, for the stations that want to know. */
export interface TransportPorts {
  readonly local: number;
  readonly remote: number;
}

export interface Dial {
  readonly address: string;
  readonly port: number;
  readonly localAddress?: string;
  /** It is no peer's: what a peer of that address needs of its sockets is not wanted here. */
  readonly isPlain?: true;
}

/** Many a `BestChange`, each prefix once, without an object a prefix: a million go from one thread to another. */
export interface PackedBestChanges {
  /** Three words a change: the address, its length, and the place in `targets`. */
  readonly words4: Uint32Array;
  /** Six: the address in four. */
  readonly words6: Uint32Array;
  readonly targets: readonly Omit<BestChange, "prefix">[];
}

/** The best route of a prefix from now on. */
export interface BestChange {
  readonly prefix: string;
  /** That of the best route first; several with `multipath`. Empty for a prefix of our own, and where no route is left. */
  readonly nextHops: readonly string[];
  /** The peer's name, `local` for a prefix of our own, or `null` where no route is left. */
  readonly from: string | null;
}

/** Which routes to tell of; an absent field does not restrict. */
export interface RouteQuery {
  readonly family?: 4 | 6;
  readonly prefix?: string;
  /** An address: of the prefixes that hold it, the most specific one that is used, or of which there is a route at all. */
  readonly covering?: string;
  /** Learned from this peer, by name; `local` for our own. */
  readonly peer?: string;
  readonly bestOnly?: boolean;
  /** Only what import refused. */
  readonly refusedOnly?: boolean;
  /** Announced to this peer, by name. */
  readonly advertisedTo?: string;
  /** At most this many, 1,000 unless told. */
  readonly limit?: number;
}

export interface RehearsalQuery {
  /** Another configuration, in which the peer is; what it would change is told then, and nothing else. */
  readonly config?: SpeakerConfig;
  /** With `config`: other prefixes of our own. Where left out: those that there are. */
  readonly originated?: readonly (string | OwnRoute)[];
  readonly limit?: number;
}
