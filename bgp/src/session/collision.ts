/** Two connections to one peer: RFC 4271 §6.8. The peer's keeper asks here when the newcomer's OPEN arrived. */

/** Who dialled: `active` is the connection that we opened. */
export type Side = "active" | "passive";

export interface Contender {
  readonly bgpId: number;
  readonly asn: number;
}

/**
 * Which of the two must be closed with Cease/Connection Collision Resolution, or `null` while both may live.
 *
 * Identifiers are compared only while the other is in OpenConfirm. One that is Established stays whatever they say: to
 * drop it would flap every route for a peer that merely dialled again.
 */
export function loserOfCollision(
  newcomer: Side,
  other: "none" | "openConfirm" | "established",
  us: Contender,
  them: Contender,
): Side | null {
  if (other === "none") return null;
  if (other === "established") return newcomer;
  return ranksAbove(us, them) ? "passive" : "active";
}

/** The connection of the higher identifier survives; of equal ones, the higher AS's (RFC 6286 §2.3). */
function ranksAbove(us: Contender, them: Contender): boolean {
  return us.bgpId === them.bgpId ? us.asn > them.asn : us.bgpId > them.bgpId;
}
