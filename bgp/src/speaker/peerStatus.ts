/** What an operator is told of a peer. */
import type { PeerStatus } from "../control.ts";
import type { Rib } from "../rib/rib.ts";
import type { PathWatch } from "./pathWatch.ts";
import type { PeerContext } from "./peer.ts";
import type { PeerRecord } from "./peerRecord.ts";
import type { PeerSession } from "./peerSession.ts";
import type { RouteSide } from "./routeSide.ts";
import { limitStatus, sessionStatus } from "./sessionStatus.ts";

interface PeerParts {
  readonly record: PeerRecord;
  readonly path: PathWatch;
  /** That which is Established. */
  readonly session: PeerSession | null;
  readonly routes: RouteSide;
}

export function statusOf({ speaker, peer, maintenance }: PeerContext, parts: PeerParts, rib: Rib): PeerStatus {
  const { name, role, address, asn, maxPrefixes } = peer;
  const { record, path, session, routes } = parts;
  return {
    name,
    role,
    address,
    asn: routes.agreement?.remoteAsn ?? asn,
    localAsn: speaker.asn,
    ...record.status(),
    session: sessionStatus(session, routes, { rib, maxPrefixes }),
    ...path.status(),
    ...limitStatus(rib, routes.ribPeer),
    ...(maintenance && { maintenance }),
  };
}
