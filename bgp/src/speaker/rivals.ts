/** Two connections to one peer, seen when the newcomer's OPEN arrives: which of them must go. */
import { loserOfCollision } from "../session/collision.ts";
import type { Open } from "../wire/message.ts";
import type { PeerSession } from "./peerSession.ts";

export interface Identity {
  readonly bgpId: number;
  readonly asn: number;
}

/** `null` while both may live. */
export function loserOf(
  newcomer: PeerSession,
  other: PeerSession,
  open: Open,
  us: Identity,
): "newcomer" | "other" | null {
  const { phase } = other.state;
  if (phase === "established") return isReturn(newcomer, other, open) ? "other" : "newcomer";
  if (phase !== "openConfirm") return null;
  if (newcomer.side === other.side) return "other"; // The peer dialled anew: it has given the other up.
  const side = loserOfCollision(newcomer.side, "openConfirm", us, { bgpId: open.bgpId, asn: open.asn });
  return side === null ? null : side === newcomer.side ? "newcomer" : "other";
}

/**
 * RFC 4724 §4.2: a peer that died without its TCP connection noticing comes back by a new one. Only the R bit tells
 * that from a mere second dial, which must not cost us the session; nor must the second dial of a peer that has just
 * come back, whose present session began with an R bit too.
 */
function isReturn(newcomer: PeerSession, established: PeerSession, open: Open): boolean {
  if (newcomer.side !== "passive" || established.state.phase !== "established") return false;
  const { negotiated, open: present } = established.state;
  return negotiated.gracefulRestart !== null && isRestarting(open) && !isRestarting(present);
}

function isRestarting({ capabilities }: Open): boolean {
  return capabilities.some((each) => each.name === "gracefulRestart" && each.restart.restarting);
}

/** A machine whose own dial failed tries again; one that was given its connection has no other. */
export function isOver({ side, state, hasConnection }: PeerSession): boolean {
  return state.phase === "idle" || (side === "passive" && !hasConnection);
}
