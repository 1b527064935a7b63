/**
 * Several connections to one peer, seen when the OPEN of one arrives: which of them must go, and whether the newcomer is
 * answered at once.
 *
 * RFC 4271 §6.8 lets each speaker judge by what it has seen, and what both see differs while messages are under way: one
 * may have its first connection Established when the other has closed that for its second. So no OPEN is answered with
 * a KEEPALIVE while another connection is under way. Once that has shown its OPEN, both sides know the same, and choose
 * the same. It also keeps our dials from reaching a peer that is Established, who takes them for a restart of ours where
 * we offered that (RFC 4724 §5), and begins anew.
 */
import { loserOfCollision } from "../session/collision.ts";
import type { Open } from "../wire/message.ts";
import type { PeerSession } from "./peerSession.ts";

/**
 * How long an OPEN waits for what is under way. Less than any hold time, which runs at the peer; the dial of a peer that
 * we do not reach ourselves waits so long where ours is without an answer.
 */
export const collisionSeconds = 2;

/** `confirm` the newcomer, `hold` its OPEN back, or it has been `dropped`. */
export type OpenAnswer = "confirm" | "hold" | "dropped";

export interface Identity {
  readonly bgpId: number;
  readonly asn: number;
}

/** Of all connections to the peer: what becomes of the newcomer, and which others must go. */
export function judgeOpen(
  newcomer: PeerSession,
  sessions: readonly PeerSession[],
  open: Open,
  us: Identity,
): { readonly answer: OpenAnswer; readonly losers: readonly PeerSession[] } {
  const others = sessions.filter((session) => session !== newcomer);
  const verdicts = others.map((other) => ({ other, loser: loserOf(newcomer, other, open, us) }));
  const losers = verdicts.filter(({ loser }) => loser === "other").map(({ other }) => other);
  if (verdicts.some(({ loser }) => loser === "newcomer")) return { answer: "dropped", losers };
  const awaits = others.some((other) => isUnderWay(other) && !losers.includes(other));
  return { answer: awaits ? "hold" : "confirm", losers };
}

/** Its OPEN may still come. */
export function isUnderWay({ state, hasConnection, isHeld }: PeerSession): boolean {
  return (state.phase === "connect" && hasConnection) || (state.phase === "openSent" && !isHeld);
}

/** Both OPENs are there: another dial of ours would come too late. */
export function hasMet({ state, isHeld }: PeerSession): boolean {
  return isHeld || state.phase === "openConfirm" || state.phase === "established";
}

/** `null` while both may live. */
function loserOf(newcomer: PeerSession, other: PeerSession, open: Open, us: Identity): "newcomer" | "other" | null {
  const { phase } = other.state;
  if (phase === "established") return isReturn(newcomer, other, open) ? "other" : "newcomer";
  if (phase !== "openConfirm" && !other.isHeld) return null;
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
