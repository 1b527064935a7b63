/** Keeping routes from leaking by roles: RFC 9234 §5. `ours` is what we are to the peer. */
import type { BgpRole, PathAttributes } from "../wire/message.ts";

/** The peer is our provider, our equal, or our route server: what it tells may go down alone. */
const hearsFromAbove: ReadonlySet<BgpRole> = new Set(["customer", "peer", "routeServerClient"]);
/** The peer is our customer, our equal, or our client. */
const tellsDownwards: ReadonlySet<BgpRole> = new Set(["provider", "peer", "routeServer"]);

/** Whether every route of the peer has to be looked at as it comes. */
export function marksOnImport(ours: BgpRole | undefined): boolean {
  return ours !== undefined && hearsFromAbove.has(ours);
}

/** On the way in, rule 3: a route from above that nobody marked is marked with the AS that it came from. */
export function markedOnImport(attributes: PathAttributes, ours: BgpRole, peerAsn: number): PathAttributes {
  if (!hearsFromAbove.has(ours) || attributes.onlyToCustomer !== undefined) return attributes;
  return { ...attributes, onlyToCustomer: peerAsn };
}

/** On the way in, rules 1 and 2: a customer passes on what was for customers alone, or an equal what is not its own. */
export function isLeak(onlyToCustomer: number | undefined, ours: BgpRole, peerAsn: number): boolean {
  if (onlyToCustomer === undefined) return false;
  if (ours === "provider" || ours === "routeServer") return true;
  return ours === "peer" && onlyToCustomer !== peerAsn;
}

/** On the way out, rule 2: what is marked goes to nobody above, nor to an equal. */
export function keepsMarked(ours: BgpRole | undefined): boolean {
  return ours !== undefined && hearsFromAbove.has(ours);
}

/** On the way out, rule 1: what goes down is marked with our AS, unless it is marked already. */
export function marksOnExport(ours: BgpRole | undefined): boolean {
  return ours !== undefined && tellsDownwards.has(ours);
}
