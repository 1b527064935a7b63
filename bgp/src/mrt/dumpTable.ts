/** A speaker's table as TABLE_DUMP_V2 (RFC 6396 §4.3): all routes that it was told, used or not, and its own. */
import { type Address, addressBytes } from "@brindle/net";
import type { NextHop } from "../rib/nextHopTable.ts";
import type { PeerId } from "../rib/peerTable.ts";
import type { PrefixId } from "../rib/prefixTable.ts";
import type { Rib } from "../rib/rib.ts";
import type { RouteId } from "../rib/routeTable.ts";
import { encodeAttributes } from "../wire/attributesEncoder.ts";
import type { PathAttributes } from "../wire/message.ts";
import { WireWriter } from "../wire/writer.ts";
import { encodeMrt } from "./encodeMrt.ts";
import type { MrtPeer, MrtRibEntry } from "./record.ts";

export interface DumpedSlice {
  readonly bytes: Uint8Array;
  /** Where the next slice begins; `null` at the end. */
  readonly next: PrefixId | null;
}

export interface Dump {
  readonly atMs: number;
  readonly collectorBgpId: number;
  /** By their ids in the table; a route of one that is not here is left out. */
  readonly peers: ReadonlyMap<PeerId, MrtPeer>;
}

/** Some milliseconds of work. */
const prefixesPerSlice = 2048;

/**
 * The slice that begins at this prefix; the first, at 1, has the list of peers before it. A peer's place there is its id
 * in the table, so that one that comes or goes between two slices moves no other.
 */
export function dumpTable(rib: Rib, dump: Dump, from: PrefixId): DumpedSlice {
  const writer = new WireWriter();
  if (from === 1) writer.bytes(peerIndex(dump));
  const end = Math.min(rib.prefixes.idsEnd, from + prefixesPerSlice);
  for (let prefix = from; prefix < end; prefix++) {
    if (!rib.prefixes.isLive(prefix)) continue;
    const entries = [...entriesOf(prefix, rib, dump)];
    if (entries.length === 0) continue;
    const place = { address: addressOf(prefix, rib), length: rib.prefixes.length(prefix) };
    writer.bytes(encodeMrt({ kind: "rib", atMs: dump.atMs, sequence: prefix - 1, prefix: place, entries }));
  }
  return { bytes: writer.finish(), next: end < rib.prefixes.idsEnd ? end : null };
}

const nobody: MrtPeer = { bgpId: 0, address: { family: 4, value: 0n }, asn: 0 };

function peerIndex({ atMs, collectorBgpId, peers }: Dump): Uint8Array {
  const places = Math.max(-1, ...peers.keys()) + 1;
  const list = Array.from({ length: places }, (_, id) => peers.get(id) ?? nobody);
  return encodeMrt({ kind: "peerIndex", atMs, collectorBgpId, viewName: "", peers: list });
}

function* entriesOf(prefix: PrefixId, rib: Rib, { atMs, peers }: Dump): Generator<MrtRibEntry> {
  const originatedAt = Math.floor(atMs / 1000); // When a route came is not kept.
  for (let route = rib.routes.firstOfPrefix(prefix); route !== 0; route = rib.routes.nextOfPrefix(route)) {
    const peer = rib.routes.peer.get(route);
    if (peers.has(peer)) yield { peer, originatedAt, attributes: attributesOf(route, rib) };
  }
}

/** As the peer sent them, before our filters. Our own have the next hop that means this router itself. */
function attributesOf(route: RouteId, rib: Rib): Uint8Array {
  const attributes = rib.attrs.value(rib.routes.receivedAttr.get(route) || rib.routes.attr.get(route));
  const hop = rib.routes.nextHop.get(route);
  const family = rib.prefixes.family(rib.routes.prefix.get(route));
  const nextHop: NextHop = hop === 0 ? { address: { family, value: 0n } } : rib.nextHops.value(hop);
  const isPlain = family === 4 && nextHop.address.family === 4;
  const said = isPlain ? attributes : withMpReach(attributes, nextHop);
  return encodeAttributes(said, isPlain ? nextHop.address : null, { fourOctetAs: true });
}

const mpReach = { code: 14, flags: 0x80 } as const;

/** §4.3.4: of MP_REACH_NLRI the length of the next hop and the next hop. */
function withMpReach(attributes: PathAttributes, { address, linkLocal }: NextHop): PathAttributes {
  const hops = [addressBytes(address), ...(linkLocal ? [addressBytes(linkLocal)] : [])];
  const value = Uint8Array.from([
    hops.reduce((length, hop) => length + hop.length, 0),
    ...hops.flatMap((hop) => [...hop]),
  ]);
  return { ...attributes, unknown: [...(attributes.unknown ?? []), { ...mpReach, value }] };
}

function addressOf(prefix: PrefixId, rib: Rib): Address {
  const family = rib.prefixes.family(prefix);
  let value = BigInt(rib.prefixes.word(prefix, 0));
  for (const i of [1, 2, 3] as const) if (family === 6) value = (value << 32n) | BigInt(rib.prefixes.word(prefix, i));
  return { family, value };
}
