/** What runs: a speaker with its sockets and timers, as its owner sees it. */

import type { AdvertisedRoute, PeerDetail, PeerStatus, RouteStatus, SpeakerSummary } from "../control.ts";
import type { DumpedSlice } from "../mrt/dumpTable.ts";
import type { RecordedPiece } from "../recording/tap.ts";
import type { NextHopFact } from "../rib/nextHopTable.ts";
import type { SpeakerConfig } from "../speaker/config.ts";
import type { BestChange, OwnRoute, PackedBestChanges, RehearsalQuery, RouteQuery } from "../speaker/event.ts";
import type { MaintenanceWish } from "../speaker/maintenance.ts";

/** What a running speaker tells of. Each is called between turns of the event loop and must not throw. */
export interface SpeakerListeners {
  bestChanged?(changes: readonly BestChange[]): void;
  /** In place of `bestChanged`, for one who hands them on: `unpackBestChanges` reads them. */
  bestChangedPacked?(changes: PackedBestChanges): void;
  peerChanged?(peer: PeerStatus): void;
  /**
   * Once: every peer has told its table, or had its restart time to do so, and all of it is decided. Until then routes of
   * an earlier run are to stay, unless `bestChanged` says otherwise of a prefix.
   */
  tableComplete?(): void;
  /** A bug or the end of its thread: the speaker is gone and will not come back by itself. */
  failed?(error: Error): void;
}

/** A running speaker, in this thread or in another: the same calls and the same answers. */
export interface RunningSpeaker {
  /** The whole configuration; peers whose part did not change keep their sessions. */
  configure(config: SpeakerConfig): Promise<void>;
  /** All prefixes of our own, in place of those before. */
  originate(routes: readonly (string | OwnRoute)[]): Promise<void>;
  /** All that is known of next hops, in place of what was; of the others each is reachable at cost zero. */
  nextHops(facts: readonly NextHopFact[]): Promise<void>;
  /** Asks a peer to send everything again, or all of them. */
  refresh(peer?: string): Promise<void>;
  /** Ends a peer's session, which comes back at once; the text is for the peer's operator. */
  reset(peer: string, text?: string): Promise<void>;
  /** Takes a session, or with `null` all of them, down for a while, or brings them back (`wish` of `null`). */
  maintenance(peer: string | null, wish: MaintenanceWish | null): Promise<void>;
  /**
   * All that happens from now on, without passwords, piece by piece: the first for `null`, then by the id that it told.
   * What nobody fetches for ten seconds is forgotten.
   */
  record(id: number | null, isLast?: boolean): Promise<RecordedPiece>;
  /** A slice of the table as MRT (RFC 6396), from 1 on; the next one begins where it says. */
  dump(from?: number): Promise<DumpedSlice>;
  /** Costs the same however large the table. */
  summary(): Promise<SpeakerSummary>;
  peers(): Promise<readonly PeerStatus[]>;
  /** `null` for a name that no peer has. */
  peer(name: string): Promise<PeerDetail | null>;
  /** What a peer is told, or what another configuration would change in that; `null` for a name that no peer has. */
  advertised(name: string, query?: RehearsalQuery): Promise<readonly AdvertisedRoute[] | null>;
  routes(query?: RouteQuery): Promise<readonly RouteStatus[]>;
  /** Ends all sessions and listeners. `keepForwarding`: see the `stop` event. */
  stop(options?: { readonly keepForwarding?: boolean; readonly text?: string }): Promise<void>;
}
