/** ROUTE-REFRESH: RFC 2918 §3, and the demarcations of RFC 7313. */
import type { CodecContext, DecodeResult } from "./contract.ts";
import { copyOf } from "./copy.ts";
import { afiOf, familyOf, unicast } from "./family.ts";
import { errorCode, fault, notification, routeRefreshError } from "./fault.ts";
import { badLength } from "./header.ts";
import { headerBytes } from "./limits.ts";
import type { RouteRefresh } from "./message.ts";
import { WireReader } from "./reader.ts";

/** By its number; zero is a request. */
const demarcations = [undefined, "begin", "end"] as const;
const bodyBytes = 4;

/**
 * `bytes` is the whole message. The byte between AFI and SAFI is reserved, but for those who announced RFC 7313: a kind
 * that is unknown there is ignored (§5).
 */
export function decodeRouteRefresh(bytes: Uint8Array, { enhancedRefresh = false }: CodecContext): DecodeResult {
  const reader = new WireReader(bytes.subarray(headerBytes));
  const afi = reader.u16();
  const kind = enhancedRefresh ? reader.u8() : reader.u8() * 0;
  const safi = reader.u8();
  if (bytes.length !== headerBytes + bodyBytes) return wrongLength(bytes, kind);
  const family = familyOf(afi, safi);
  if (family === null) return { kind: "ignored", reason: `ROUTE-REFRESH for AFI ${afi}, SAFI ${safi}` };
  if (kind >= demarcations.length) return { kind: "ignored", reason: `ROUTE-REFRESH of kind ${kind}` };
  const demarcation = demarcations[kind];
  return { kind: "message", message: { type: "routeRefresh", family, ...(demarcation && { demarcation }) } };
}

/** RFC 7313 §5: of the demarcations by an error of its own, with the whole message; of others as RFC 4271 §6.1 has it. */
function wrongLength(bytes: Uint8Array, kind: number): DecodeResult {
  const what = `a ROUTE-REFRESH of ${bytes.length} bytes`;
  if (demarcations[kind] === undefined) return badLength(bytes, what);
  const answer = notification(errorCode.routeRefresh, routeRefreshError.invalidLength, copyOf(bytes));
  return fault(answer, `${what} cannot be`);
}

export function encodeRouteRefresh({ family, demarcation }: RouteRefresh): Uint8Array {
  return Uint8Array.of(0, afiOf[family], demarcations.indexOf(demarcation), unicast);
}
