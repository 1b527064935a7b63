/** Why connections were turned away, counted: each has a reason, whoever it came from. */
import type { RefusedConnections } from "../control.ts";
import type { Peer } from "./peer.ts";

/** None yet. */
export function noRefusals(): Record<keyof RefusedConnections, number> {
  return { unknown: 0, known: 0, halfOpen: 0, rangeFull: 0, tooFar: 0 };
}

/** Of a connection that came to the speaker: `full` for a range that has as many peers as it may, `null` for nobody's. */
export function refusalOf(peer: Pick<Peer, "isCrowded"> | "full" | null): keyof RefusedConnections {
  if (peer === null) return "unknown";
  if (peer === "full") return "rangeFull";
  return peer.isCrowded ? "halfOpen" : "known";
}
