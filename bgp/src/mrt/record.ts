/** Records of MRT files (RFC 6396): what routers and collectors write of messages, sessions and tables. */
import type { Address } from "@brindle/net";

export type MrtRecord = MrtMessage | MrtStateChange | MrtPeerIndex | MrtRib | MrtOther;

/** Of whom a record is: §4.4. */
export interface MrtSession {
  /** Milliseconds since 1970, with three digits behind the point where the file has microseconds (BGP4MP_ET). */
  readonly atMs: number;
  readonly hasMicroseconds: boolean;
  /** The width of AS numbers, in the record and in the message. */
  readonly fourOctetAs: boolean;
  readonly peerAsn: number;
  readonly localAsn: number;
  readonly interfaceIndex: number;
  readonly peerAddress: Address;
  readonly localAddress: Address;
}

/** A whole BGP message, header included. */
export interface MrtMessage extends MrtSession {
  readonly kind: "message";
  readonly bytes: Uint8Array;
  /** Sent by whoever wrote the file, not received (§4.4.4, §4.4.5). */
  readonly isLocal: boolean;
}

/** States as RFC 4271 §8.2.2 numbers them, from 1 (Idle) to 6 (Established). */
export interface MrtStateChange extends MrtSession {
  readonly kind: "stateChange";
  readonly from: number;
  readonly to: number;
}

/** TABLE_DUMP_V2's list of peers, to which the records behind it refer by place (§4.3.1). */
export interface MrtPeerIndex {
  readonly kind: "peerIndex";
  readonly atMs: number;
  readonly collectorBgpId: number;
  readonly viewName: string;
  readonly peers: readonly MrtPeer[];
}

export interface MrtPeer {
  readonly bgpId: number;
  readonly address: Address;
  readonly asn: number;
}

/** All routes of one prefix, unicast (§4.3.2). */
export interface MrtRib {
  readonly kind: "rib";
  readonly atMs: number;
  readonly sequence: number;
  readonly prefix: { readonly address: Address; readonly length: number };
  readonly entries: readonly MrtRibEntry[];
}

export interface MrtRibEntry {
  /** The peer's place in the list. */
  readonly peer: number;
  /** Seconds since 1970. */
  readonly originatedAt: number;
  /** As on the wire, with AS numbers of four octets; MP_REACH_NLRI is its next hop alone (§4.3.4). */
  readonly attributes: Uint8Array;
}

/** One that this version does not know: kept as it is. */
export interface MrtOther {
  readonly kind: "other";
  readonly atMs: number;
  readonly type: number;
  readonly subtype: number;
  readonly bytes: Uint8Array;
}

export const mrtType = { tableDumpV2: 13, bgp4mp: 16, bgp4mpEt: 17 } as const;

export const tableDumpSubtype = { peerIndexTable: 1, ribIpv4Unicast: 2, ribIpv6Unicast: 4 } as const;

export const bgp4mpSubtype = {
  stateChange: 0,
  message: 1,
  messageAs4: 4,
  stateChangeAs4: 5,
  messageLocal: 6,
  messageAs4Local: 7,
} as const;
