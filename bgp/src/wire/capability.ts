/** Capabilities (RFC 5492 §4). One that we do not know, or whose value does not fit, is kept as its bytes. */
import { copyOf } from "./copy.ts";
import { afiOf, familyOf, unicast } from "./family.ts";
import type {
  AddPathFamily,
  BgpRole,
  Capability,
  GracefulRestart,
  LongLivedFamily,
  NextHopFamilies,
} from "./message.ts";
import { WireReader } from "./reader.ts";
import { WireWriter } from "./writer.ts";

export const capabilityCode = {
  multiprotocol: 1,
  routeRefresh: 2,
  extendedNextHop: 5,
  extendedMessage: 6,
  role: 9,
  gracefulRestart: 64,
  fourOctetAs: 65,
  addPath: 69,
  enhancedRouteRefresh: 70,
  longLivedRestart: 71,
  fqdn: 73,
  softwareVersion: 75,
} as const;

/** `null` where the value decides about the session and does not parse, so that guessing would be wrong. */
export function decodeCapability(code: number, value: Uint8Array): Capability | null {
  const unknown: Capability = { code, name: "unknown", value: copyOf(value) };
  switch (code) {
    case capabilityCode.multiprotocol:
      return value.length === 4 ? (decodeMultiprotocol(value) ?? unknown) : null;
    case capabilityCode.routeRefresh:
      return value.length === 0 ? { code, name: "routeRefresh" } : unknown;
    case capabilityCode.extendedNextHop:
      return decodeExtendedNextHop(value) ?? unknown;
    case capabilityCode.extendedMessage:
      return value.length === 0 ? { code, name: "extendedMessage" } : unknown;
    case capabilityCode.role:
      return decodeRole(value) ?? unknown;
    case capabilityCode.gracefulRestart:
      return decodeGracefulRestart(value) ?? unknown;
    case capabilityCode.fourOctetAs:
      return value.length === 4 ? { code, name: "fourOctetAs", asn: new WireReader(value).u32() } : null;
    case capabilityCode.addPath:
      return decodeAddPath(value) ?? unknown;
    case capabilityCode.enhancedRouteRefresh:
      return value.length === 0 ? { code, name: "enhancedRouteRefresh" } : unknown;
    case capabilityCode.longLivedRestart:
      return decodeLongLivedRestart(value) ?? unknown;
    case capabilityCode.fqdn:
      return decodeFqdn(value) ?? unknown;
    case capabilityCode.softwareVersion:
      return decodeSoftwareVersion(value) ?? unknown;
    default:
      return unknown;
  }
}

/** Code, length, value. */
export function encodeCapability(writer: WireWriter, capability: Capability): void {
  const value = encodeValue(capability);
  writer.u8(capability.code);
  writer.u8(value.length);
  writer.bytes(value);
}

/** RFC 4760 §8: AFI, a reserved byte, SAFI. */
function decodeMultiprotocol(value: Uint8Array): Capability | null {
  const reader = new WireReader(value);
  const afi = reader.u16();
  reader.u8();
  const family = familyOf(afi, reader.u8());
  return family === null ? null : { code: capabilityCode.multiprotocol, name: "multiprotocol", family };
}

/** RFC 8950 §4: AFI, SAFI of two bytes, AFI of the next hop. */
function decodeExtendedNextHop(value: Uint8Array): Capability | null {
  const reader = new WireReader(value);
  const families: NextHopFamilies[] = [];
  while (reader.remaining > 0) {
    const family = familyOf(reader.u16(), reader.u16());
    const nextHop = familyOf(reader.u16(), unicast);
    if (family !== null && nextHop !== null) families.push({ family, nextHop });
  }
  return reader.isWhole ? { code: capabilityCode.extendedNextHop, name: "extendedNextHop", families } : null;
}

/** RFC 9234 §4.1, by their numbers. */
const roles: readonly BgpRole[] = ["provider", "routeServer", "routeServerClient", "customer", "peer"];

function decodeRole(value: Uint8Array): Capability | null {
  const role = roles[value[0] ?? roles.length];
  return value.length === 1 && role ? { code: capabilityCode.role, name: "role", role } : null;
}

/** RFC 7911 §4: AFI, SAFI, 1 for receive, 2 for send, 3 for both; a tuple with another value is ignored. */
function decodeAddPath(value: Uint8Array): Capability | null {
  const reader = new WireReader(value);
  const families: AddPathFamily[] = [];
  while (reader.remaining > 0) {
    const family = familyOf(reader.u16(), reader.u8());
    const mode = reader.u8();
    if (family === null || mode < 1 || mode > 3) continue;
    families.push({ family, receive: (mode & 1) !== 0, send: (mode & 2) !== 0 });
  }
  return reader.isWhole ? { code: capabilityCode.addPath, name: "addPath", families } : null;
}

/** RFC 9494 §3: AFI, SAFI, flags, three bytes of seconds. */
function decodeLongLivedRestart(value: Uint8Array): Capability | null {
  const reader = new WireReader(value);
  const families: LongLivedFamily[] = [];
  while (reader.remaining > 0) {
    const family = familyOf(reader.u16(), reader.u8());
    const forwardingKept = (reader.u8() & forwardingKeptBit) !== 0;
    const staleSeconds = (reader.u8() << 16) | reader.u16();
    if (family !== null) families.push({ family, forwardingKept, staleSeconds });
  }
  return reader.isWhole ? { code: capabilityCode.longLivedRestart, name: "longLivedRestart", families } : null;
}

/** A text behind its length. */
function decodeSoftwareVersion(value: Uint8Array): Capability | null {
  const reader = new WireReader(value);
  const text = new TextDecoder().decode(reader.take(reader.u8()));
  return reader.isWhole ? { code: capabilityCode.softwareVersion, name: "softwareVersion", text } : null;
}

const restartingBit = 0x8000;
/** RFC 8538 §2. */
const notificationsBit = 0x4000;
const forwardingKeptBit = 0x80;

/** RFC 4724 §3. Families that we do not carry are left out. */
function decodeGracefulRestart(value: Uint8Array): Capability | null {
  const reader = new WireReader(value);
  const flagsAndTime = reader.u16();
  const families: GracefulRestart["families"][number][] = [];
  while (reader.remaining > 0) {
    const family = familyOf(reader.u16(), reader.u8());
    const flags = reader.u8();
    if (family !== null) families.push({ family, forwardingKept: (flags & forwardingKeptBit) !== 0 });
  }
  if (!reader.isWhole) return null;
  const restarting = (flagsAndTime & restartingBit) !== 0;
  const notifications = (flagsAndTime & notificationsBit) !== 0 && ({ notifications: true } as const);
  const restart = { restarting, ...notifications, restartSeconds: flagsAndTime & 0xfff, families };
  return { code: capabilityCode.gracefulRestart, name: "gracefulRestart", restart };
}

/** Host and domain, each behind its length. */
function decodeFqdn(value: Uint8Array): Capability | null {
  const reader = new WireReader(value);
  const text = new TextDecoder();
  const host = text.decode(reader.take(reader.u8()));
  const domain = text.decode(reader.take(reader.u8()));
  return reader.isWhole ? { code: capabilityCode.fqdn, name: "fqdn", host, domain } : null;
}

function encodeValue(capability: Capability): Uint8Array {
  switch (capability.name) {
    case "multiprotocol":
      return Uint8Array.of(0, afiOf[capability.family], 0, unicast);
    case "routeRefresh":
    case "extendedMessage":
    case "enhancedRouteRefresh":
      return new Uint8Array(0);
    case "extendedNextHop":
      return encodeExtendedNextHop(capability.families);
    case "role":
      return Uint8Array.of(roles.indexOf(capability.role));
    case "fourOctetAs":
      return encodeFourOctetAs(capability.asn);
    case "gracefulRestart":
      return encodeGracefulRestart(capability.restart);
    case "addPath":
      return encodeAddPath(capability.families);
    case "longLivedRestart":
      return encodeLongLivedRestart(capability.families);
    case "fqdn":
      return encodeFqdn(capability.host, capability.domain);
    case "softwareVersion":
      return encodeSoftwareVersion(capability.text);
    case "unknown":
      return capability.value;
  }
}

function encodeFourOctetAs(asn: number): Uint8Array {
  const writer = new WireWriter();
  writer.u32(asn);
  return writer.finish();
}

function encodeExtendedNextHop(families: readonly NextHopFamilies[]): Uint8Array {
  const writer = new WireWriter();
  for (const { family, nextHop } of families) {
    writer.u16(afiOf[family]);
    writer.u16(unicast);
    writer.u16(afiOf[nextHop]);
  }
  return writer.finish();
}

function encodeAddPath(families: readonly AddPathFamily[]): Uint8Array {
  const writer = new WireWriter();
  for (const { family, send, receive } of families) {
    writer.u16(afiOf[family]);
    writer.u8(unicast);
    writer.u8((receive ? 1 : 0) | (send ? 2 : 0));
  }
  return writer.finish();
}

function encodeLongLivedRestart(families: readonly LongLivedFamily[]): Uint8Array {
  const writer = new WireWriter();
  for (const { family, forwardingKept, staleSeconds } of families) {
    writer.u16(afiOf[family]);
    writer.u8(unicast);
    writer.u8(forwardingKept ? forwardingKeptBit : 0);
    writer.u8(staleSeconds >>> 16);
    writer.u16(staleSeconds & 0xffff);
  }
  return writer.finish();
}

/** The draft allows 64 bytes. */
const softwareVersionBytesMax = 64;

function encodeSoftwareVersion(text: string): Uint8Array {
  const bytes = new Uint8Array(1 + softwareVersionBytesMax);
  const { written } = new TextEncoder().encodeInto(text, bytes.subarray(1));
  bytes[0] = written;
  return bytes.slice(0, 1 + written);
}

function encodeGracefulRestart({ restarting, notifications, restartSeconds, families }: GracefulRestart): Uint8Array {
  const writer = new WireWriter();
  const flags = (restarting ? restartingBit : 0) | (notifications ? notificationsBit : 0);
  writer.u16(flags | (restartSeconds & 0xfff));
  for (const { family, forwardingKept } of families) {
    writer.u16(afiOf[family]);
    writer.u8(unicast);
    writer.u8(forwardingKept ? forwardingKeptBit : 0);
  }
  return writer.finish();
}

/** A capability's value has at most 255 bytes, so a long name is cut rather than the OPEN broken. */
const fqdnPartBytesMax = 126;

function encodeFqdn(host: string, domain: string): Uint8Array {
  const writer = new WireWriter();
  for (const part of [host, domain]) {
    const bytes = new Uint8Array(fqdnPartBytesMax);
    const { written } = new TextEncoder().encodeInto(part, bytes);
    writer.u8(written);
    writer.bytes(bytes.subarray(0, written));
  }
  return writer.finish();
}
