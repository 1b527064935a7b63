/** ROUTE-REFRESH: RFC 2918 §3. */
import type { DecodeResult } from "./contract.ts";
import { afiOf, familyOf, unicast } from "./family.ts";
import type { RouteRefresh } from "./message.ts";
import { WireReader } from "./reader.ts";

/** The reserved byte between AFI and SAFI means something only to those who announced RFC 7313, which we do not. */
export function decodeRouteRefresh(body: Uint8Array): DecodeResult {
  const reader = new WireReader(body);
  const afi = reader.u16();
  reader.u8();
  const safi = reader.u8();
  const family = familyOf(afi, safi);
  if (family === null) return { kind: "ignored", reason: `ROUTE-REFRESH for AFI ${afi}, SAFI ${safi}` };
  return { kind: "message", message: { type: "routeRefresh", family } };
}

export function encodeRouteRefresh(message: RouteRefresh): Uint8Array {
  return Uint8Array.of(0, afiOf[message.family], 0, unicast);
}
