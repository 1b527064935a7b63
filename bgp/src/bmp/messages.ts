/**
 * What a monitoring station is told (RFC 7854, with the tables of RFC 8671 and RFC 9069): messages to bytes. A collector
 * answers nothing, so there is nothing to decode.
 */
import { type Address, parseAddress } from "@brindle/net";
import { WireWriter } from "../wire/writer.ts";

/** RFC 7854 §4.1. */
const bmpVersion = 3;
const commonHeaderBytes = 6;

/** RFC 7854 §10.1. */
const messageType = {
  routeMonitoring: 0,
  statisticsReport: 1,
  peerDown: 2,
  peerUp: 3,
  initiation: 4,
  termination: 5,
} as const;

/** RFC 7854 §4.2, RFC 9069 §4.1. */
const peerType = { global: 0, locRib: 3 } as const;

/** RFC 7854 §4.2, RFC 8671 §4. Of a Loc-RIB other bits count (RFC 9069 §4.2), of which none is ever set here. */
const peerFlag = { ipv6: 0x80, postPolicy: 0x40, adjRibOut: 0x10 } as const;

/** Which table of a peer routes are of. */
export type MonitoredTable = "inPrePolicy" | "inPostPolicy" | "outPrePolicy" | "outPostPolicy" | "locRib";

const flagsOfTable: Readonly<Record<MonitoredTable, number>> = {
  inPrePolicy: 0,
  inPostPolicy: peerFlag.postPolicy,
  outPrePolicy: peerFlag.adjRibOut,
  outPostPolicy: peerFlag.adjRibOut | peerFlag.postPolicy,
  locRib: 0,
};

/** Whom a message is about: a peer, or with an unspecified address (`null`) ourselves, by our Loc-RIB. */
export interface MonitoredPeer {
  readonly address: Address | null;
  readonly asn: number;
  readonly bgpId: number;
}

export function initiation({ software, name }: { readonly software: string; readonly name: string }): Uint8Array {
  const writer = new WireWriter();
  tlv(writer, 1, textBytes(software)); // sysDescr and sysName: RFC 7854 §4.3 wants both.
  tlv(writer, 2, textBytes(name));
  return message(messageType.initiation, writer);
}

/** RFC 7854 §4.5. */
export const terminationReason = { administrativelyClosed: 0, outOfResources: 2, permanentlyClosed: 4 } as const;

export function termination(reason: number, text: string): Uint8Array {
  const writer = new WireWriter();
  tlv(writer, 0, textBytes(text));
  tlv(writer, 1, Uint8Array.of(0, reason));
  return message(messageType.termination, writer);
}

/** The two OPENs are whole BGP messages, as they were sent and received. */
export interface PeerUp {
  readonly localAddress: Address | null;
  /** Zero where it is not known. */
  readonly localPort: number;
  readonly remotePort: number;
  readonly sentOpen: Uint8Array;
  readonly receivedOpen: Uint8Array;
}

export function peerUp(peer: MonitoredPeer, up: PeerUp, atMs: number): Uint8Array {
  const writer = new WireWriter();
  peerHeader(writer, peer, { flags: 0, atMs });
  addressField(writer, up.localAddress);
  writer.u16(up.localPort);
  writer.u16(up.remotePort);
  writer.bytes(up.sentOpen);
  writer.bytes(up.receivedOpen);
  if (peer.address === null) tlv(writer, 3, textBytes(globalTable)); // RFC 9069 §4.4.
  return message(messageType.peerUp, writer);
}

/** RFC 9069 §4.4: what the table is called where there is but one. */
const globalTable = "global";

/** RFC 7854 §4.9. The NOTIFICATION is a whole BGP message. */
export type PeerDownReason =
  | { readonly by: "us" | "peer"; readonly notification: Uint8Array }
  /** Without a NOTIFICATION: the event of RFC 4271 §8.1 that led to it, zero where none fits. */
  | { readonly by: "us"; readonly fsmEvent: number }
  | { readonly by: "peer" }
  /** The session may go on; we say no more of it. */
  | { readonly by: "configuration" };

export function peerDown(peer: MonitoredPeer, reason: PeerDownReason, atMs: number): Uint8Array {
  const writer = new WireWriter();
  peerHeader(writer, peer, { flags: 0, atMs });
  if (reason.by === "configuration") writer.u8(5);
  else if ("notification" in reason) {
    writer.u8(reason.by === "us" ? 1 : 3);
    writer.bytes(reason.notification);
  } else if (reason.by === "us") {
    writer.u8(2);
    writer.u16(reason.fsmEvent);
  } else writer.u8(4);
  return message(messageType.peerDown, writer);
}

/** `update` is one whole UPDATE. Its AS_PATH has four octets an AS: the A flag of RFC 7854 §4.2 is never set. */
export function routeMonitoring(
  peer: MonitoredPeer,
  table: MonitoredTable,
  { update, atMs }: { readonly update: Uint8Array; readonly atMs: number },
): Uint8Array {
  const writer = new WireWriter();
  peerHeader(writer, peer, { flags: flagsOfTable[table], atMs });
  writer.bytes(update);
  return message(messageType.routeMonitoring, writer);
}

/** RFC 7854 §4.8, RFC 8671 §6.2: numbers as of now. */
export const statistic = {
  refusedByPolicy: 0,
  toldTwice: 1,
  withdrawnTwice: 2,
  clusterLoop: 3,
  asLoop: 4,
  originatorLoop: 5,
  adjRibIn: 7,
  locRib: 8,
  adjRibInOfFamily: 9,
  locRibOfFamily: 10,
  treatedAsWithdrawal: 11,
  adjRibOutPostPolicy: 15,
  adjRibOutPostPolicyOfFamily: 17,
} as const;

export interface Statistic {
  readonly type: number;
  readonly value: number;
  /** Of the counts by family; such a value has AFI and SAFI before it. */
  readonly family?: 4 | 6;
  /** A counter of 32 bits, as it is of some types; else a gauge of 64. */
  readonly isCounter?: true;
}

export function statisticsReport(peer: MonitoredPeer, statistics: readonly Statistic[], atMs: number): Uint8Array {
  const writer = new WireWriter();
  peerHeader(writer, peer, { flags: 0, atMs });
  writer.u32(statistics.length);
  for (const { type, value, family, isCounter } of statistics) {
    writer.u16(type);
    writer.u16((family ? 3 : 0) + (isCounter ? 4 : 8));
    if (family) {
      writer.u16(family === 4 ? 1 : 2);
      writer.u8(1); // Unicast.
    }
    if (!isCounter) writer.u32(Math.floor(value / 2 ** 32));
    writer.u32(value % 2 ** 32);
  }
  return message(messageType.statisticsReport, writer);
}

interface HeaderFacts {
  readonly flags: number;
  /** Milliseconds since 1970. */
  readonly atMs: number;
}

/** RFC 7854 §4.2. */
function peerHeader(writer: WireWriter, { address, asn, bgpId }: MonitoredPeer, { flags, atMs }: HeaderFacts): void {
  writer.u8(address === null ? peerType.locRib : peerType.global);
  writer.u8(flags | (address?.family === 6 ? peerFlag.ipv6 : 0));
  writer.u32(0); // The distinguisher: there are no VRFs.
  writer.u32(0);
  addressField(writer, address);
  writer.u32(asn);
  writer.u32(bgpId);
  writer.u32(Math.floor(atMs / 1000));
  writer.u32((atMs % 1000) * 1000);
}

/** Sixteen bytes: an IPv4 address stands in the last four (RFC 7854 §4.2). */
function addressField(writer: WireWriter, address: Address | null): void {
  const value = address?.value ?? 0n;
  for (let shift = 96n; shift >= 0n; shift -= 32n) writer.u32(Number((value >> shift) & 0xffffffffn));
}

function tlv(writer: WireWriter, type: number, value: Uint8Array): void {
  writer.u16(type);
  writer.u16(value.length);
  writer.bytes(value);
}

/** At most so many bytes as a length may say. */
function textBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text).subarray(0, 0xffff);
}

function message(type: number, body: WireWriter): Uint8Array {
  const writer = new WireWriter();
  writer.u8(bmpVersion);
  writer.u32(commonHeaderBytes + body.length);
  writer.u8(type);
  writer.bytes(body.finish());
  return writer.finish();
}

/** The BGP identifier of a dotted quad. */
export function bgpIdOf(text: string): number {
  return Number(parseAddress(text)?.value ?? 0n);
}
