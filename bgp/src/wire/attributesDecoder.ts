/**
 * Path attributes from bytes, with the faults of RFC 7606 as values. What a fault means for the routes is decided in
 * `update.ts`, which knows whether the message announces any.
 */

import type { Address } from "@brindle/net";
import { AttributeCursor, type RawAttribute } from "./attributeCursor.ts";
import { asPath, mergeAs4Path } from "./attributes/asPath.ts";
import { origin } from "./attributes/basic.ts";
import { flag } from "./attributes/codec.ts";
import { type AttributeRow, findAttributeRow, type WireAttributes } from "./attributes/table.ts";
import type { CodecContext } from "./contract.ts";
import { copyOf } from "./copy.ts";
import { errorCode, type Fault, fault, notification, updateError } from "./fault.ts";
import { asTrans } from "./limits.ts";
import type { AttributeFault, PathAttributes } from "./message.ts";

export interface DecodedAttributes {
  readonly kind: "attributes";
  /** `null` where ORIGIN or AS_PATH is absent or malformed: no route can be made of the rest. */
  readonly attributes: PathAttributes | null;
  /** Of the NLRI field; `null` where it is absent or malformed. */
  readonly nextHop: Address | null;
  readonly faults: readonly AttributeFault[];
  /** Mandatory attributes that are absent: a fault only of a message that announces something (RFC 7606 §3.d). */
  readonly missing: readonly AttributeFault[];
}

/** `bytes` are the `attributes` of `splitUpdate`. */
export function decodeAttributes(bytes: Uint8Array, context: CodecContext): DecodedAttributes | Fault {
  const found: Partial<WireAttributes> = {};
  const unknown: RawAttribute[] = [];
  const faults: AttributeFault[] = [];
  const seen = new Set<number>();
  const cursor = new AttributeCursor(bytes);
  while (cursor.next()) {
    const { code, flags } = cursor;
    if (seen.has(code)) {
      faults.push(attributeFault({ code }, "discardAttribute", "came again; the first one counts (RFC 7606 §3.g)"));
      continue;
    }
    seen.add(code);
    const row = findAttributeRow(code);
    if (row) {
      const problem = decodeKnown(row, cursor, found, context);
      if (problem) faults.push(problem);
    } else if (!(flags & flag.optional)) return unrecognizedWellKnown(cursor.raw());
    else if (flags & flag.transitive) unknown.push(cursor.raw());
  }
  const { nextHop = null } = found;
  const missing = [origin, asPath]
    .filter(({ code }) => !seen.has(code))
    .map((row) => attributeFault(row, "withdrawRoutes", "is missing"));
  return { kind: "attributes", attributes: toPathAttributes(found, unknown), nextHop, faults, missing };
}

/** RFC 7606 §3.c: whoever sent other flags than the specification's cannot be trusted with the content either. */
export function flagsProblem(raw: Pick<RawAttribute, "flags">, expected: number): string | null {
  const fixed = flag.optional | flag.transitive;
  if ((raw.flags & fixed) === expected) return null;
  return `flags 0x${raw.flags.toString(16)} where 0x${expected.toString(16)} is specified`;
}

export function attributeFault(
  { code, name }: { readonly code: number; readonly name?: string },
  done: AttributeFault["done"],
  reason: string,
): AttributeFault {
  return { code, name: name ?? findAttributeRow(code)?.name ?? "unknown", done, reason };
}

function decodeKnown(
  row: AttributeRow,
  raw: Pick<RawAttribute, "flags" | "value">,
  found: Partial<WireAttributes>,
  context: CodecContext,
): AttributeFault | null {
  const wrongFlags = flagsProblem(raw, row.flags);
  if (wrongFlags) return attributeFault(row, "withdrawRoutes", wrongFlags);
  if (row.only === "internalPeers" && context.external) {
    return attributeFault(row, "discardAttribute", "came from an external peer");
  }
  if (row.only === "twoOctetPeers" && context.fourOctetAs) {
    return attributeFault(row, "discardAttribute", "came from a four-octet peer (RFC 6793 §4.1)");
  }
  const problem = row.decodeInto(found, raw.value, context);
  return problem === null
    ? null
    : attributeFault(row, row.onMalformed === "discardAttribute" ? "discardAttribute" : "withdrawRoutes", problem);
}

/** The data is the attribute itself (RFC 4271 §6.3). */
function unrecognizedWellKnown(raw: RawAttribute): Fault {
  const answer = notification(errorCode.update, updateError.unrecognizedWellKnown, copyOf(raw.whole));
  return fault(answer, `attribute ${raw.code} calls itself well-known and is not known`);
}

function toPathAttributes(found: Partial<WireAttributes>, unknown: readonly RawAttribute[]): PathAttributes | null {
  const { nextHop: _nextHop, as4Path, as4Aggregator, ...rest } = found;
  const { aggregator } = rest;
  if (rest.origin === undefined || rest.asPath === undefined) return null;
  // RFC 6793 §4.2.3: an AGGREGATOR with an AS number of its own was set after the AS4 attributes, which are stale.
  const isStale = as4Aggregator !== undefined && aggregator !== undefined && aggregator.asn !== asTrans;
  const isReplaced = as4Aggregator !== undefined && aggregator?.asn === asTrans;
  return {
    ...rest,
    origin: rest.origin,
    asPath: as4Path && !isStale ? mergeAs4Path(rest.asPath, as4Path) : rest.asPath,
    ...(isReplaced && { aggregator: as4Aggregator }),
    ...(unknown.length > 0 && { unknown: unknown.map(passedOn) }),
  };
}

/** The partial bit tells those behind us that somebody on the way did not understand (RFC 4271 §5). */
function passedOn({ code, flags, value }: RawAttribute): NonNullable<PathAttributes["unknown"]>[number] {
  const kept = (flags & (flag.optional | flag.transitive)) | flag.partial;
  return { code, flags: kept, value: copyOf(value) };
}
