/** OPEN: RFC 4271 §4.2 with the errors of §6.2, capabilities (RFC 5492), long optional parameters (RFC 9072). */
import { decodeCapability, encodeCapability } from "./capability.ts";
import type { DecodeResult } from "./contract.ts";
import { errorCode, type Fault, fault, notification, openError } from "./fault.ts";
import { asTrans, twoOctetAsMax } from "./limits.ts";
import type { Capability, Open } from "./message.ts";
import { WireReader } from "./reader.ts";
import { WireWriter } from "./writer.ts";

const version = 4;
const capabilitiesParameter = 2;
/** RFC 9072 §2: as first type it says that longer fields follow, whatever the length before it says. */
const extendedMarker = 255;

export function decodeOpen(body: Uint8Array): DecodeResult {
  const reader = new WireReader(body);
  const theirVersion = reader.u8();
  const headerAsn = reader.u16();
  const holdSeconds = reader.u16();
  const bgpId = reader.u32();
  if (theirVersion !== version) {
    return refuse(openError.unsupportedVersion, `BGP version ${theirVersion}`, Uint8Array.of(0, version));
  }
  const capabilities = decodeParameters(reader);
  if ("kind" in capabilities) return capabilities;

  const asn = capabilities.find((each) => each.name === "fourOctetAs")?.asn ?? headerAsn;
  if (asn === 0 || headerAsn === 0) return refuse(openError.badPeerAs, "AS 0 is nobody's (RFC 7607)");
  if (holdSeconds === 1 || holdSeconds === 2) {
    return refuse(openError.unacceptableHoldTime, `a hold time of ${holdSeconds} s: 0, or 3 and more, is allowed`);
  }
  if (bgpId === 0) return refuse(openError.badBgpId, "the BGP identifier 0.0.0.0");
  return { kind: "message", message: { type: "open", asn, holdSeconds, bgpId, capabilities } };
}

export function encodeOpen(open: Open): Uint8Array {
  const writer = new WireWriter();
  writer.u8(version);
  writer.u16(open.asn > twoOctetAsMax ? asTrans : open.asn);
  writer.u16(open.holdSeconds);
  writer.u32(open.bgpId);
  writer.bytes(encodeParameters(open.capabilities));
  return writer.finish();
}

/** All capabilities in the order in which they came, however many parameters they were spread over. */
function decodeParameters(reader: WireReader): Capability[] | Fault {
  const length = reader.u8();
  const isExtended = length > 0 && reader.peek() === extendedMarker;
  const parameters = isExtended ? readExtendedLength(reader) : reader.take(length);
  if (!reader.isWhole) return refuse(openError.unspecific, "the optional parameters do not fill the message");

  const inner = new WireReader(parameters);
  const capabilities: Capability[] = [];
  while (inner.remaining > 0) {
    const type = inner.u8();
    const value = inner.take(isExtended ? inner.u16() : inner.u8());
    if (inner.fault) return refuse(openError.unspecific, `optional parameter ${type} ${inner.fault}`);
    if (type !== capabilitiesParameter) {
      return refuse(openError.unsupportedParameter, `optional parameter ${type} is unknown`);
    }
    const problem = decodeCapabilities(value, capabilities);
    if (problem) return refuse(openError.unspecific, problem);
  }
  return capabilities;
}

function readExtendedLength(reader: WireReader): Uint8Array {
  reader.u8();
  return reader.take(reader.u16());
}

/** What is wrong, or `null`. */
function decodeCapabilities(value: Uint8Array, into: Capability[]): string | null {
  const reader = new WireReader(value);
  while (reader.remaining > 0) {
    const code = reader.u8();
    const bytes = reader.take(reader.u8());
    if (reader.fault) return `capability ${code} ${reader.fault}`;
    const capability = decodeCapability(code, bytes);
    if (!capability) return `capability ${code} of ${bytes.length} bytes`;
    into.push(capability);
  }
  return null;
}

/** One parameter with all capabilities, as RFC 5492 §4 wishes; none at all when there are none. */
function encodeParameters(capabilities: readonly Capability[]): Uint8Array {
  const values = new WireWriter();
  for (const capability of capabilities) encodeCapability(values, capability);
  const value = values.finish();

  const writer = new WireWriter();
  const isExtended = value.length + 2 > 254;
  if (isExtended) {
    writer.u8(extendedMarker);
    writer.u8(extendedMarker);
    writer.u16(value.length + 3);
    writer.u8(capabilitiesParameter);
    writer.u16(value.length);
  } else if (value.length > 0) {
    writer.u8(value.length + 2);
    writer.u8(capabilitiesParameter);
    writer.u8(value.length);
  } else {
    writer.u8(0);
  }
  writer.bytes(value);
  return writer.finish();
}

function refuse(subcode: number, reason: string, data?: Uint8Array): Fault {
  return fault(notification(errorCode.open, subcode, data), reason);
}
