/** What monitoring stations are told of a peer's session (RFC 7854 §4.9, §4.10). */
import { parseAddress } from "@brindle/net";
import { bgpIdOf, type PeerDownReason } from "../bmp/messages.ts";
import type { MonitoredSession, SpeakerFacts } from "../bmp/monitoredSession.ts";
import type { PeerConfig, SpeakerConfig } from "./config.ts";
import { withoutZone } from "./peerPlace.ts";
import type { PeerSession } from "./peerSession.ts";
import type { RouteSide } from "./routeSide.ts";

/** Of a session that has just become Established. */
export function monitoredSession(session: PeerSession, routes: RouteSide, peer: PeerConfig): MonitoredSession {
  const { agreement } = routes;
  const address = parseAddress(withoutZone(peer.address));
  if (!agreement || !address) throw new TypeError(`${peer.name} is not Established`);
  const { words, localAddress } = session;
  const { families, addPath } = agreement.negotiated;
  return {
    id: routes.ribPeer,
    peer: { address, asn: agreement.remoteAsn, bgpId: agreement.remoteBgpId },
    address,
    up: {
      localAddress,
      localPort: words.ports.local,
      remotePort: words.ports.remote,
      sentOpen: words.sentOpen,
      receivedOpen: words.receivedOpen,
    },
    families,
    pathsReceived: addPath.filter(({ receive }) => receive).map(({ family }) => family),
    terms: () => routes.terms(),
    advertised: (family) => routes.out?.advertised(family) ?? 0,
    treatedAsWithdrawal: () => routes.treatedAsWithdrawal,
  };
}

/** RFC 4271 §8.1.4: TcpConnectionFails, and §8.1.2: ManualStop. */
const fsmEvent = { transportLost: 18, stopped: 2 } as const;

/** `sentBy`: whose NOTIFICATION it was that ended the session, `null` where there was none. */
export function downReason({ words }: PeerSession, sentBy: "us" | "peer" | null): PeerDownReason {
  if (sentBy !== null && words.notification?.by === sentBy) return words.notification;
  return sentBy === "us" ? { by: "us", fsmEvent: fsmEvent.stopped } : { by: "peer" };
}

/** RFC 7854 §4.4: who tells. A speaker that tells peers no name is known by its BGP identifier. */
export function monitoredFacts(config: SpeakerConfig | null): SpeakerFacts {
  const { asn = 0, bgpId = "0.0.0.0", identity } = config ?? {};
  return {
    asn,
    bgpId: bgpIdOf(bgpId),
    software: identity?.software ?? "Brindle",
    hostName: identity?.hostName ?? bgpId,
  };
}
