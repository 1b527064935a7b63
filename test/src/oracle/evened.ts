import type { Cluster, Packet } from "@brindle/policy";
import { isAllowed } from "./oracle.ts";

/** What one verdict gets of a case's packets, as long as there are others. */
const shareMax = 0.6;
/** As many times more packets are drawn than are sent. */
const drawnMore = 3;

/**
 * Packets for a case, in the order in which they were drawn. A random cluster denies most of what is drawn blindly, so of the
 * verdict that most of them meet those behind its share are left out: otherwise some seeds see little of the other verdict.
 */
export function evened(cluster: Cluster, count: number, draw: (count: number) => readonly Packet[]): Packet[] {
  const drawn = draw(count * drawnMore);
  const { allowed = [], denied = [] } = Object.groupBy(drawn, (packet) =>
    isAllowed(cluster, packet) ? "allowed" : "denied",
  );
  const share = Math.ceil(count * shareMax);
  const some = (those: readonly Packet[], others: readonly Packet[]): readonly Packet[] =>
    those.slice(0, Math.max(share, count - others.length));
  const wanted = new Set([...some(allowed, denied), ...some(denied, allowed)]);
  return drawn.filter((packet) => wanted.has(packet)).slice(0, count);
}
