/** What collectors are told of a session, and of ourselves, beside routes. */
import type { Address, Family } from "@brindle/net";
import type { GroupTerms } from "../out/exportGroup.ts";
import type { PeerId } from "../rib/peerTable.ts";
import { encodeMessage } from "../wire/codec.ts";
import type { MonitoredPeer, PeerUp } from "./messages.ts";

/** An Established session. */
export interface MonitoredSession {
  readonly id: PeerId;
  readonly peer: MonitoredPeer;
  readonly address: Address;
  readonly up: PeerUp;
  readonly families: readonly Family[];
  /** Of which the peer sends several paths of a prefix (RFC 7911). */
  readonly pathsReceived: readonly Family[];
  /** By which the peer is told routes, as of now. */
  terms(): GroupTerms;
  advertised(family: Family): number;
  /** UPDATEs whose routes were treated as withdrawn. */
  treatedAsWithdrawal(): number;
}

export interface SpeakerFacts {
  readonly asn: number;
  readonly bgpId: number;
  readonly software: string;
  readonly hostName: string;
}

/** RFC 9069 §4.2: ourselves, of whose Loc-RIB routes are told. */
export function ownPeer({ asn, bgpId }: SpeakerFacts): MonitoredPeer {
  return { address: null, asn, bgpId };
}

/** RFC 9069 §4.4: an OPEN that nobody sent, with the capabilities that say how the Loc-RIB's routes are to be read. */
export function ownOpen({ asn, bgpId }: SpeakerFacts): Uint8Array {
  const capabilities = [
    { code: 1, name: "multiprotocol", family: 4 },
    { code: 1, name: "multiprotocol", family: 6 },
    { code: 65, name: "fourOctetAs", asn },
  ] as const;
  return encodeMessage({ type: "open", asn, holdSeconds: 0, bgpId, capabilities }, { fourOctetAs: true });
}

export function endOfRib(family: Family): Uint8Array {
  const nothing = { withdrawn: [], announced: [], attributes: null, faults: [] };
  return encodeMessage({ type: "update", ...nothing, endOfRib: family }, { fourOctetAs: true });
}
