/** Capabilities (RFC 5492 §4). One that we do not know, or whose value does not fit, is kept as its bytes. */
import { copyOf } from "./copy.ts";
import { afiOf, familyOf, unicast } from "./family.ts";
import type { Capability, GracefulRestart } from "./message.ts";
import { WireReader } from "./reader.ts";
import { WireWriter } from "./writer.ts";

export const capabilityCode = {
  multiprotocol: 1,
  routeRefresh: 2,
  gracefulRestart: 64,
  fourOctetAs: 65,
  fqdn: 73,
} as const;

/** `null` where the value decides about the session and does not parse, so that guessing would be wrong. */
export function decodeCapability(code: number, value: Uint8Array): Capability | null {
  const unknown: Capability = { code, name: "unknown", value: copyOf(value) };
  switch (code) {
    case capabilityCode.multiprotocol:
      return value.length === 4 ? (decodeMultiprotocol(value) ?? unknown) : null;
    case capabilityCode.routeRefresh:
      return value.length === 0 ? { code, name: "routeRefresh" } : unknown;
    case capabilityCode.gracefulRestart:
      return decodeGracefulRestart(value) ?? unknown;
    case capabilityCode.fourOctetAs:
      return value.length === 4 ? { code, name: "fourOctetAs", asn: new WireReader(value).u32() } : null;
    case capabilityCode.fqdn:
      return decodeFqdn(value) ?? unknown;
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

const restartingBit = 0x8000;
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
  const restart = { restarting, restartSeconds: flagsAndTime & 0xfff, families };
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
      return new Uint8Array(0);
    case "fourOctetAs":
      return encodeFourOctetAs(capability.asn);
    case "gracefulRestart":
      return encodeGracefulRestart(capability.restart);
    case "fqdn":
      return encodeFqdn(capability.host, capability.domain);
    case "unknown":
      return capability.value;
  }
}

function encodeFourOctetAs(asn: number): Uint8Array {
  const writer = new WireWriter();
  writer.u32(asn);
  return writer.finish();
}

function encodeGracefulRestart({ restarting, restartSeconds, families }: GracefulRestart): Uint8Array {
  const writer = new WireWriter();
  writer.u16((restarting ? restartingBit : 0) | (restartSeconds & 0xfff));
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
