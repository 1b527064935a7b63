/** Questions about the whole table, which are answered a slice at a time. */
import { parseAddress } from "@brindle/net";
import { type DumpedSlice, dumpTable } from "../mrt/dumpTable.ts";
import type { MrtPeer } from "../mrt/record.ts";
import { type RehearsedSlice, rehearse } from "../out/rehearsal.ts";
import type { Rib } from "../rib/rib.ts";
import type { SpeakerConfig } from "./config.ts";
import type { RehearsalQuery } from "./event.ts";
import type { Peer } from "./peer.ts";

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
    known.set(routes.ribPeer, { bgpId: id, address, asn: peer.asn });
  }
  return dumpTable(rib, { atMs: nowMs, collectorBgpId, peers: known }, from);
}

/** `null` where the other configuration has no such peer. */
export function advertisedTo(
  peer: Peer,
  rib: Rib,
  { config, limit = 1000, from }: RehearsalQuery & { readonly from: number },
): RehearsedSlice | null {
  const present = peer.routes.rehearsed();
  if (!config) return rehearse(rib, present, { limit, from });
  const other = config.peers.find(({ name }) => name === peer.config.name);
  if (!other) return null;
  const after = peer.routes.rehearsed({ speaker: config, peer: other });
  return rehearse(rib, after, { before: present, limit, from });
}
