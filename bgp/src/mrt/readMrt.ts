/** MRT records from bytes (RFC 6396). What a file holds wrongly is a value, and ends the reading. */
import { type Address, addressFromBytes, type Family } from "@brindle/net";
import { WireReader } from "../wire/reader.ts";
import {
  bgp4mpSubtype,
  type MrtPeer,
  type MrtRecord,
  type MrtRibEntry,
  type MrtSession,
  mrtType,
  tableDumpSubtype,
} from "./record.ts";

export interface MrtFault {
  readonly kind: "fault";
  /** Where in the bytes the record begins. */
  readonly at: number;
  readonly reason: string;
}

const headerBytes = 12;

/** One record after the other; a fault is the last. The bytes of messages and attributes are views, not copies. */
export function* readMrt(bytes: Uint8Array): Generator<MrtRecord | MrtFault> {
  for (let at = 0; at < bytes.length; ) {
    const header = new WireReader(bytes.subarray(at, at + headerBytes));
    const [seconds, type, subtype, length] = [header.u32(), header.u16(), header.u16(), header.u32()];
    const end = at + headerBytes + length;
    if (!header.isWhole || end > bytes.length) {
      yield { kind: "fault", at, reason: `the file ends inside a record of ${length} bytes` };
      return;
    }
    const reader = new WireReader(bytes.subarray(at + headerBytes, end));
    const record = readRecord(reader, { seconds, type, subtype });
    if (reader.fault !== null) {
      yield { kind: "fault", at, reason: `type ${type}, subtype ${subtype}: ${reader.fault}` };
      return;
    }
    yield record;
    at = end;
  }
}

interface Header {
  readonly seconds: number;
  readonly type: number;
  readonly subtype: number;
}

function readRecord(reader: WireReader, header: Header): MrtRecord {
  const { seconds, type, subtype } = header;
  if (type === mrtType.tableDumpV2) return readTableDump(reader, header);
  if (type === mrtType.bgp4mp || type === mrtType.bgp4mpEt) return readBgp4mp(reader, header);
  return { kind: "other", atMs: seconds * 1000, type, subtype, bytes: reader.rest() };
}

/** §4.4, and §3 for the microseconds. */
function readBgp4mp(reader: WireReader, { seconds, type, subtype }: Header): MrtRecord {
  const known = Object.values(bgp4mpSubtype).find((each) => each === subtype);
  if (known === undefined) return { kind: "other", atMs: seconds * 1000, type, subtype, bytes: reader.rest() };
  const hasMicroseconds = type === mrtType.bgp4mpEt;
  const atMs = seconds * 1000 + (hasMicroseconds ? reader.u32() / 1000 : 0);
  const { stateChange, stateChangeAs4, message, messageLocal, messageAs4Local } = bgp4mpSubtype;
  const fourOctetAs = known !== stateChange && known !== message && known !== messageLocal;
  const session = readSession(reader, { atMs, hasMicroseconds, fourOctetAs });
  if (known === stateChange || known === stateChangeAs4) {
    return { kind: "stateChange", ...session, from: reader.u16(), to: reader.u16() };
  }
  return {
    kind: "message",
    ...session,
    bytes: reader.rest(),
    isLocal: known === messageLocal || known === messageAs4Local,
  };
}

function readSession(reader: WireReader, of: Pick<MrtSession, "atMs" | "hasMicroseconds" | "fourOctetAs">): MrtSession {
  const asn = (): number => (of.fourOctetAs ? reader.u32() : reader.u16());
  const [peerAsn, localAsn, interfaceIndex, afi] = [asn(), asn(), reader.u16(), reader.u16()];
  if (afi !== 1 && afi !== 2) reader.refuse(`addresses of AFI ${afi}`);
  const family = afi === 2 ? 6 : 4;
  const [peerAddress, localAddress] = [readAddress(reader, family), readAddress(reader, family)];
  return { ...of, peerAsn, localAsn, interfaceIndex, peerAddress, localAddress };
}

/** §4.3. */
function readTableDump(reader: WireReader, { seconds, type, subtype }: Header): MrtRecord {
  const atMs = seconds * 1000;
  switch (subtype) {
    case tableDumpSubtype.peerIndexTable: {
      const collectorBgpId = reader.u32();
      const viewName = new TextDecoder().decode(reader.take(reader.u16()));
      return { kind: "peerIndex", atMs, collectorBgpId, viewName, peers: readMany(reader, reader.u16(), readPeer) };
    }
    case tableDumpSubtype.ribIpv4Unicast:
    case tableDumpSubtype.ribIpv6Unicast: {
      const family = subtype === tableDumpSubtype.ribIpv4Unicast ? 4 : 6;
      const sequence = reader.u32();
      const prefix = readPrefix(reader, family);
      return { kind: "rib", atMs, sequence, prefix, entries: readMany(reader, reader.u16(), readEntry) };
    }
    default:
      return { kind: "other", atMs, type, subtype, bytes: reader.rest() };
  }
}

/** A count may say more than there is: the reader ends the loop. */
function readMany<T>(reader: WireReader, count: number, read: (reader: WireReader) => T): T[] {
  const all: T[] = [];
  while (all.length < count && reader.fault === null) all.push(read(reader));
  return all;
}

const peerIsIpv6 = 1;
const peerHasFourOctetAs = 2;

function readPeer(reader: WireReader): MrtPeer {
  const type = reader.u8();
  const bgpId = reader.u32();
  const address = readAddress(reader, type & peerIsIpv6 ? 6 : 4);
  return { bgpId, address, asn: type & peerHasFourOctetAs ? reader.u32() : reader.u16() };
}

function readEntry(reader: WireReader): MrtRibEntry {
  return { peer: reader.u16(), originatedAt: reader.u32(), attributes: reader.take(reader.u16()) };
}

function readPrefix(reader: WireReader, family: Family): { readonly address: Address; readonly length: number } {
  const bytes = new Uint8Array(family === 4 ? 4 : 16);
  const length = reader.u8();
  if (length > bytes.length * 8) reader.refuse(`a prefix of ${length} bits`);
  else bytes.set(reader.take(Math.ceil(length / 8)));
  return { address: addressFromBytes(bytes), length };
}

function readAddress(reader: WireReader, family: Family): Address {
  const size = family === 4 ? 4 : 16;
  const bytes = reader.take(size);
  return addressFromBytes(bytes.length === size ? bytes : new Uint8Array(size));
}
