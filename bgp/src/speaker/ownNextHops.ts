/** Our own address of each family, as a peer is told it. */
import type { Address, Family } from "@brindle/net";
import type { Negotiated } from "../session/negotiate.ts";
import type { PeerConfig } from "./config.ts";
import { addressOf } from "./peerPlace.ts";

/** RFC 8950: without an address of its own family, and on a link without numbers, IPv4 goes by way of IPv6. */
export function ownNextHops(
  peer: PeerConfig,
  { extendedNextHop }: Pick<Negotiated, "extendedNextHop">,
  local: Address | null,
): Partial<Record<Family, Address>> {
  const configured = peer.interface === undefined ? peer : { ...peer, nextHop: {} };
  const v6 = ownNextHop(6, configured, local);
  const v4 = ownNextHop(4, configured, local);
  return { ...(extendedNextHop && v6[6] && { 4: v6[6] }), ...v4, ...v6 };
}

/** As configured, else the address of the connection. */
function ownNextHop(family: Family, { nextHop }: PeerConfig, local: Address | null): Partial<Record<Family, Address>> {
  const configured = nextHop[family];
  if (configured !== undefined) return { [family]: addressOf(configured) };
  return local?.family === family ? { [family]: local } : {};
}
