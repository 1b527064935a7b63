/** What the connections of each configured peer need of their sockets, beyond what every connection has. */
import { type Address, addressBits, formatPrefix, parseAddress, parsePrefix } from "@brindle/net";
import type { PeerConfig, SpeakerConfig } from "../speaker/config.ts";

export interface PeerSocketNeeds {
  /** The peer's name. */
  readonly peer: string;
  readonly passive: boolean;
  /** The peer's address, or the range that its connections come from. */
  readonly range: { readonly address: Address; readonly length: number };
  /** The range as text. */
  readonly key: string;
  readonly password?: string;
  /** RFC 5082: how far away the peer may be. */
  readonly hops?: number;
}

/** RFC 5082 §3: packets leave with this hop limit, which no router can raise … */
export const hopLimitFull = 255;

/** … so one that came by fewer routers than the peer may be hops away has at least this one left. */
export function hopLimitMinOf(hops: number): number {
  return hopLimitFull + 1 - hops;
}

/** Of the peers that need something. Those that cannot be dialled come first: they depend on the listener's keys. */
export function needsOf(config: SpeakerConfig): PeerSocketNeeds[] {
  const ranges = (config.dynamicPeers ?? []).flatMap(({ name, range, template }) => {
    return needOf({ ...template, name, passive: true }, range) ?? [];
  });
  const needs = [...config.peers.flatMap((peer) => needOf(peer, peer.address) ?? []), ...ranges];
  return needs.sort((a, b) => Number(b.passive) - Number(a.passive));
}

type Needy = Pick<PeerConfig, "name" | "passive" | "password" | "ttlSecurity">;

/** `text` is an address or a prefix. */
function needOf({ name, passive, password, ttlSecurity }: Needy, text: string): PeerSocketNeeds | null {
  const address = parseAddress(text);
  const range = address ? { address, length: addressBits[address.family] } : parsePrefix(text);
  if (!range || (password === undefined && ttlSecurity === undefined)) return null;
  return {
    peer: name,
    passive,
    range,
    key: formatPrefix(range),
    ...(password !== undefined && { password }),
    ...(ttlSecurity !== undefined && { hops: ttlSecurity }),
  };
}
