/** RFC 2918, RFC 7313: routes are asked for, or told, once more. */
import type { Family } from "@brindle/net";
import { encodeMessage } from "../wire/codec.ts";
import type { PeerSession } from "./peerSession.ts";
import type { RouteSide } from "./routeSide.ts";

/** Asks the peer for all its routes; one that cannot be asked keeps what it has told. */
export function requestRefresh(session: PeerSession | null): void {
  if (!session?.negotiated?.routeRefresh) return;
  for (const family of session.negotiated.families) {
    session.send(encodeMessage({ type: "routeRefresh", family }, session.negotiated));
  }
}

/** RFC 7313 §4.1: between a beginning and an end, unless the peer is being told everything for the first time. */
export function answerRefresh(session: PeerSession | null, { out }: RouteSide, family: Family): void {
  const isDemarcated = session?.negotiated?.enhancedRefresh === true && out?.owesEndOfRib === false;
  if (session?.negotiated && isDemarcated) {
    session.send(encodeMessage({ type: "routeRefresh", family, demarcation: "begin" }, session.negotiated));
  }
  out?.refresh(family, isDemarcated);
}
