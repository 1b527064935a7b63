/** Families as the wire names them: an AFI and the SAFI for unicast (RFC 4760 §3). */
import type { Family } from "@brindle/net";

export const unicast = 1;

export const afiOf: Readonly<Record<Family, number>> = { 4: 1, 6: 2 };

/** `null` for whatever we do not carry. */
export function familyOf(afi: number, safi: number): Family | null {
  if (safi !== unicast) return null;
  return afi === 1 ? 4 : afi === 2 ? 6 : null;
}
