/**
 * An UPDATE cut into its pieces without looking into them: RFC 4271 §4.3, and the structural faults of RFC 7606 §3
 * and §4. The attributes that describe a route are apart from the two that name prefixes, so that many UPDATEs of one
 * route's attributes have equal `attributes`, and a cache can decode them once.
 */

import { AttributeCursor, type RawAttribute } from "./attributeCursor.ts";
import { mpReach, mpUnreach } from "./attributes/multiprotocol.ts";
import { type Fault, malformedList } from "./fault.ts";
import { headerBytes } from "./limits.ts";
import { WireReader } from "./reader.ts";

export interface UpdatePieces {
  readonly kind: "pieces";
  /** The fields of RFC 4271, IPv4 alone. */
  readonly withdrawn: Uint8Array;
  readonly nlri: Uint8Array;
  /** All attributes but MP_REACH_NLRI and MP_UNREACH_NLRI, whole and in the order sent. */
  readonly attributes: Uint8Array;
  readonly mpReach: RawAttribute | null;
  readonly mpUnreach: RawAttribute | null;
  /** Where an attribute runs past the end of all attributes (RFC 7606 §4): what follows is lost. Else `null`. */
  readonly cutOff: string | null;
}

/** `bytes` is the whole message. The pieces are views into it. */
export function splitUpdate(bytes: Uint8Array): UpdatePieces | Fault {
  const reader = new WireReader(bytes.subarray(headerBytes));
  const withdrawn = reader.take(reader.u16());
  const attributes = reader.take(reader.u16());
  const nlri = reader.rest();
  if (reader.fault) return malformedList(`the lengths of the UPDATE do not add up: it ${reader.fault}`);

  const found: RawAttribute[] = [];
  const cursor = new AttributeCursor(attributes);
  while (cursor.next()) {
    if (cursor.code !== mpReach.code && cursor.code !== mpUnreach.code) continue;
    if (found.some(({ code }) => code === cursor.code)) {
      return malformedList(`attribute ${cursor.code} twice (RFC 7606 §3.g)`);
    }
    found.push(cursor.raw());
  }
  return {
    kind: "pieces",
    withdrawn,
    nlri,
    attributes: without(attributes.subarray(0, cursor.end), found),
    mpReach: found.find(({ code }) => code === mpReach.code) ?? null,
    mpUnreach: found.find(({ code }) => code === mpUnreach.code) ?? null,
    cutOff: cursor.cutOff,
  };
}

/** What is left of `bytes` when those attributes, which are views into it in their order, are taken out. */
function without(bytes: Uint8Array, removed: readonly RawAttribute[]): Uint8Array {
  if (removed.length === 0) return bytes;
  const rest = new Uint8Array(bytes.length - removed.reduce((length, { whole }) => length + whole.length, 0));
  let from = 0;
  let to = 0;
  for (const { whole } of removed) {
    const start = whole.byteOffset - bytes.byteOffset;
    rest.set(bytes.subarray(from, start), to);
    to += start - from;
    from = start + whole.length;
  }
  rest.set(bytes.subarray(from), to);
  return rest;
}
