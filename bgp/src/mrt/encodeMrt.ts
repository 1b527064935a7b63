/** MRT records to bytes (RFC 6396), as `readMrt` reads them. */
import { addressBytes } from "@brindle/net";
import { WireWriter } from "../wire/writer.ts";
import {
  bgp4mpSubtype,
  type MrtMessage,
  type MrtPeerIndex,
  type MrtRecord,
  type MrtRib,
  type MrtSession,
  type MrtStateChange,
  mrtType,
  tableDumpSubtype,
} from "./record.ts";

export function encodeMrt(record: MrtRecord): Uint8Array {
  switch (record.kind) {
    case "message":
      return framed(record.atMs, bgp4mpKind(record, messageSubtype(record)), messageBody(record));
    case "stateChange":
      return framed(record.atMs, bgp4mpKind(record, stateSubtype(record)), stateBody(record));
    case "peerIndex":
      return framed(
        record.atMs,
        { type: mrtType.tableDumpV2, subtype: tableDumpSubtype.peerIndexTable },
        peerIndexBody(record),
      );
    case "rib":
      return framed(record.atMs, { type: mrtType.tableDumpV2, subtype: ribSubtype(record) }, ribBody(record));
    case "other":
      return framed(record.atMs, record, record.bytes);
  }
}

interface Kind {
  readonly type: number;
  readonly subtype: number;
}

function framed(atMs: number, { type, subtype }: Kind, body: Uint8Array): Uint8Array {
  const writer = new WireWriter();
  writer.u32(Math.floor(atMs / 1000));
  writer.u16(type);
  writer.u16(subtype);
  writer.u32(body.length);
  writer.bytes(body);
  return writer.finish();
}

function bgp4mpKind({ hasMicroseconds }: MrtSession, subtype: number): Kind {
  return { type: hasMicroseconds ? mrtType.bgp4mpEt : mrtType.bgp4mp, subtype };
}

function messageSubtype({ fourOctetAs, isLocal }: MrtMessage): number {
  if (isLocal) return fourOctetAs ? bgp4mpSubtype.messageAs4Local : bgp4mpSubtype.messageLocal;
  return fourOctetAs ? bgp4mpSubtype.messageAs4 : bgp4mpSubtype.message;
}

function stateSubtype({ fourOctetAs }: MrtStateChange): number {
  return fourOctetAs ? bgp4mpSubtype.stateChangeAs4 : bgp4mpSubtype.stateChange;
}

function messageBody(record: MrtMessage): Uint8Array {
  const writer = sessionWriter(record);
  writer.bytes(record.bytes);
  return writer.finish();
}

function stateBody(record: MrtStateChange): Uint8Array {
  const writer = sessionWriter(record);
  writer.u16(record.from);
  writer.u16(record.to);
  return writer.finish();
}

function sessionWriter(session: MrtSession): WireWriter {
  const { atMs, hasMicroseconds, fourOctetAs, peerAsn, localAsn, interfaceIndex, peerAddress, localAddress } = session;
  const writer = new WireWriter();
  if (hasMicroseconds) writer.u32(Math.round((atMs % 1000) * 1000));
  for (const asn of [peerAsn, localAsn]) {
    if (fourOctetAs) writer.u32(asn);
    else writer.u16(asn);
  }
  writer.u16(interfaceIndex);
  writer.u16(peerAddress.family === 4 ? 1 : 2);
  writer.bytes(addressBytes(peerAddress));
  writer.bytes(addressBytes(localAddress));
  return writer;
}

function peerIndexBody({ collectorBgpId, viewName, peers }: MrtPeerIndex): Uint8Array {
  const writer = new WireWriter();
  const name = new TextEncoder().encode(viewName);
  writer.u32(collectorBgpId);
  writer.u16(name.length);
  writer.bytes(name);
  writer.u16(peers.length);
  for (const { bgpId, address, asn } of peers) {
    writer.u8(address.family === 6 ? 3 : 2); // Always with an AS number of four octets.
    writer.u32(bgpId);
    writer.bytes(addressBytes(address));
    writer.u32(asn);
  }
  return writer.finish();
}

function ribSubtype({ prefix }: MrtRib): number {
  return prefix.address.family === 4 ? tableDumpSubtype.ribIpv4Unicast : tableDumpSubtype.ribIpv6Unicast;
}

function ribBody({ sequence, prefix, entries }: MrtRib): Uint8Array {
  const writer = new WireWriter();
  writer.u32(sequence);
  writer.u8(prefix.length);
  writer.bytes(addressBytes(prefix.address).subarray(0, Math.ceil(prefix.length / 8)));
  writer.u16(entries.length);
  for (const { peer, originatedAt, attributes } of entries) {
    writer.u16(peer);
    writer.u32(originatedAt);
    writer.u16(attributes.length);
    writer.bytes(attributes);
  }
  return writer.finish();
}
