/** Questions about the whole table, which are answered a slice at a time. */
import { parseAddress } from "@brindle/net";
import { type DumpedSlice, dumpTable } from "../mrt/dumpTable.ts";
import type { MrtPeer } from "../mrt/record.ts";
import { difference, type RehearsedSlice, told } from "../out/rehearsal.ts";
import type { PrefixId } from "../rib/prefixTable.ts";
import type { Rib } from "../rib/rib.ts";
import type { SpeakerConfig } from "./config.ts";
import type { RehearsalQuery } from "./event.ts";
import { ImaginedTable } from "./imagined.ts";
import type { Peer } from "./peer.ts";
import { speakerAsSeen } from "./peerPlace.ts";

interface Dumped {
  readonly rib: Rib;
  readonly peers: Iterable<Peer>;
  readonly config: SpeakerConfig | null;
  readonly nowMs: number;
}

export function dumpOf({ rib, peers, config, nowMs }: Dumped, from: number): DumpedSlice {
  const { asn = 0, bgpId = "0.0.0.0" } = config ?? {};
  const collectorBgpId = Number(parseAddress(bgpId)?.value ?? 0n);
  const own: MrtPeer = { bgpId: collectorBgpId, address: { family: 4, value: 0n }, asn };
  const known = new Map<number, MrtPeer>([[rib.local, own]]);
  for (const { routes, config: peer } of peers) {
    const { bgpId: id, address } = rib.peers.get(routes.ribPeer);
    known.set(routes.ribPeer, { bgpId: id, address, asn: routes.agreement?.remoteAsn ?? peer.asn });
  }
  return dumpTable(rib, { atMs: nowMs, collectorBgpId, peers: known }, from);
}

/** Some 10 ms of work: routes are judged, decided and told as they would be. */
const imaginedPerSlice = 256;

/** `null` where the other configuration has no such peer. */
export function advertisedTo(
  peer: Peer,
  { rib, peers }: Pick<Dumped, "rib" | "peers">,
  { config, originated, limit = 1000, from }: RehearsalQuery & { readonly from: number },
): RehearsedSlice | null {
  const present = peer.routes.rehearsed();
  if (!config) return told(rib, present, { limit, from });
  const table = new ImaginedTable(rib, peers, { config, originated });
  const other = table.configOf(peer);
  const id = other && table.idOf(peer.routes.ribPeer);
  if (!other || id === null) return null;
  const end = Math.min(rib.prefixes.idsEnd, from + imaginedPerSlice);
  const known: PrefixId[] = [];
  for (let prefix = from; prefix < end; prefix++) if (rib.prefixes.isLive(prefix)) known.push(prefix);
  table.fill(known);
  const before = { rib, terms: present, seen: new Map() };
  const terms = { ...peer.routes.rehearsed({ speaker: speakerAsSeen(config, other), peer: other }), peer: id };
  const after = { rib: table.rib, terms, seen: new Map() };
  const rows = known.map((prefix) => {
    const imagined = table.rib.prefixes.find(rib.prefixes.pack([prefix], rib.prefixes.family(prefix)), 0);
    return difference({ ...before, prefix }, { ...after, prefix: imagined });
  });
  const isLast = end >= rib.prefixes.idsEnd;
  const news = isLast ? table.fillNew() : [];
  rows.push(...news.map((prefix) => difference({ ...before, prefix: 0 }, { ...after, prefix })));
  const changes = rows.filter((row) => row !== null);
  return { rows: changes.slice(0, limit), next: isLast || changes.length >= limit ? null : end };
}
