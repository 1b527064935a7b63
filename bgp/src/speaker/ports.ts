/** What the parts of a speaker share: the table, the actions gathered in this turn, and the time they were told. */
import type { Monitors } from "../bmp/monitors.ts";
import type { ExportGroups } from "../out/exportGroups.ts";
import type { Rib } from "../rib/rib.ts";
import type { ConnectionId, SpeakerAction } from "./event.ts";
import type { PeerSession } from "./peerSession.ts";

export interface SpeakerPorts {
  readonly rib: Rib;
  readonly groups: ExportGroups;
  emit(action: SpeakerAction): void;
  /** Milliseconds since 1970, as of the present event. */
  nowMs(): number;
  /** TCP segments that this host has dropped for their signatures (RFC 2385). */
  signaturesDropped(): number;
  newConnection(): ConnectionId;
  /** Whose events those of a connection are. */
  bind(connection: ConnectionId, session: PeerSession): void;
  unbind(connection: ConnectionId): void;
}

export interface PeerPorts extends SpeakerPorts {
  readonly monitors: Monitors;
  /** A connection on which nothing was said has made room for another. */
  halfOpenEnded(): void;
  /** Whether this process began in the place of another, whose routes were still in force. */
  tookOver(): boolean;
  /** Whether this process is catching up after taking the place of another (RFC 4724, the restarter's side). */
  isRestarting(): boolean;
}
