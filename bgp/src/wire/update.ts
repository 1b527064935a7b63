/**
 * UPDATE from bytes: RFC 4271 §4.3, RFC 4760, and what RFC 7606 does with faults. "Treat as withdraw" is carried out
 * here: the prefixes of a route that cannot be used are found in `withdrawn`, so that nobody after can use it.
 */

import type { Family } from "@brindle/net";
import type { RawAttribute } from "./attributeCursor.ts";
import { asPath } from "./attributes/asPath.ts";
import { nextHop, nextHopProblem } from "./attributes/basic.ts";
import type { AttributeCodec } from "./attributes/codec.ts";
import { type MpReach, mpReach, mpUnreach } from "./attributes/multiprotocol.ts";
import { attributeFault, type DecodedAttributes, decodeAttributes, flagsProblem } from "./attributesDecoder.ts";
import type { CodecContext } from "./contract.ts";
import { copyOf } from "./copy.ts";
import { errorCode, type Fault, fault, malformedList, notification, updateError } from "./fault.ts";
import type { Announcement, AttributeFault, PackedPrefixes, PathAttributes, Update } from "./message.ts";
import { decodePackedPrefixes } from "./prefixes.ts";
import { WireReader } from "./reader.ts";
import { splitUpdate, type UpdatePieces } from "./split.ts";

export type DecodedUpdate = { readonly kind: "message"; readonly message: Update } | Fault;

/** `bytes` is the whole message. */
export function decodeUpdate(bytes: Uint8Array, context: CodecContext): DecodedUpdate {
  const pieces = splitUpdate(bytes);
  if (pieces.kind === "fault") return pieces;
  const prefixes = decodePrefixes(pieces, context);
  if (prefixes.kind === "fault") return prefixes;

  if (pieces.attributes.length === 0 && !pieces.cutOff && !prefixes.announces) {
    const { withdrawn, endOfRib, faults } = prefixes;
    return update({ withdrawn, endOfRib, faults });
  }
  const decoded = decodeAttributes(pieces.attributes, context);
  if (decoded.kind === "fault") return decoded;
  return prefixes.announces ? announce(pieces, prefixes, decoded) : withdrawOnly(pieces, prefixes, decoded);
}

interface Prefixes {
  readonly kind: "prefixes";
  readonly withdrawn: PackedPrefixes[];
  readonly nlri: PackedPrefixes;
  readonly announcement: Announcement | null;
  /** Whether the message has reachable prefixes, also of a family that is none of ours. */
  readonly announces: boolean;
  /** Means something only where nothing is announced and no other attribute came. */
  readonly endOfRib: Family | null;
  readonly faults: AttributeFault[];
}

function decodePrefixes(pieces: UpdatePieces, context: CodecContext): Prefixes | Fault {
  const hasPathIds = context.addPath?.includes(4);
  const withdrawn = decodePackedPrefixes(pieces.withdrawn, 4, hasPathIds);
  const nlri = decodePackedPrefixes(pieces.nlri, 4, hasPathIds);
  if (!withdrawn || !nlri) {
    const answer = notification(errorCode.update, updateError.invalidNetworkField);
    return fault(answer, "a prefix is longer than 32 bits or cut off (RFC 7606 §5.3)");
  }
  const unreach = decodeMultiprotocol(mpUnreach, pieces.mpUnreach, context);
  const reach = decodeMultiprotocol(mpReach, pieces.mpReach, context);
  if (unreach?.kind === "fault") return unreach;
  if (reach?.kind === "fault") return reach;

  const isCarried = ({ family }: PackedPrefixes): boolean => context.families.includes(family);
  // Whose end an UPDATE without prefixes tells: the family's of MP_UNREACH_NLRI, without that IPv4's (RFC 4724 §2).
  const ending = unreach?.kind === "unreach" ? unreach.prefixes : unreach ? null : withdrawn;
  const allWithdrawn = unreach?.kind === "unreach" ? [withdrawn, unreach.prefixes] : [withdrawn];
  const isEnd = allWithdrawn.every(({ words }) => words.length === 0);
  return {
    kind: "prefixes",
    withdrawn: allWithdrawn.filter((prefixes) => prefixes.words.length > 0 && isCarried(prefixes)),
    nlri: isCarried(nlri) ? nlri : { family: 4, words: new Uint32Array(0) },
    announcement: reach?.kind === "reach" && reach.announcement.prefixes.words.length > 0 ? reach.announcement : null,
    announces: pieces.nlri.length > 0 || pieces.mpReach !== null,
    endOfRib: isEnd && ending && isCarried(ending) ? ending.family : null,
    faults: [...nlriFaults(nlri, isCarried(nlri)), ...reachFaults(reach, pieces.mpReach)],
  };
}

function nlriFaults({ words }: PackedPrefixes, isCarried: boolean): AttributeFault[] {
  if (isCarried || words.length === 0) return [];
  return [{ code: 0, name: "nlri", done: "discardAttribute", reason: "IPv4 was not agreed on" }];
}

function reachFaults(reach: MpReach | null, raw: RawAttribute | null): AttributeFault[] {
  if (!reach || !raw) return [];
  const wrongFlags = flagsProblem(raw, mpReach.flags);
  if (wrongFlags) return [attributeFault(mpReach, "withdrawRoutes", wrongFlags)];
  if (reach.kind === "unsupported") {
    return [attributeFault(mpReach, "discardAttribute", `AFI ${reach.afi}, SAFI ${reach.safi} was not agreed on`)];
  }
  const problem = nextHopProblem(reach.announcement.nextHop);
  return problem ? [attributeFault(mpReach, "withdrawRoutes", problem)] : [];
}

/** Faults in these two leave the prefixes unknown, so nothing less than a reset is safe (RFC 7606 §5.3, §7.11). */
function decodeMultiprotocol<T extends { readonly kind: string }>(
  codec: AttributeCodec<T>,
  raw: RawAttribute | null,
  context: CodecContext,
): T | Fault | null {
  if (!raw) return null;
  const reader = new WireReader(raw.value);
  const value = codec.decode(reader, context);
  if (value !== null && reader.isWhole) return value;
  const answer = notification(errorCode.update, updateError.optionalAttribute, copyOf(raw.whole));
  return fault(answer, `${codec.name}: ${reader.fault}`);
}

/**
 * RFC 7606 §5.2: without reachable prefixes there is nothing to treat as withdrawn, and the broken attribute may have
 * hidden some: only what would have been discarded is harmless.
 */
function withdrawOnly(pieces: UpdatePieces, prefixes: Prefixes, decoded: DecodedAttributes): DecodedUpdate {
  const severe = pieces.cutOff ?? decoded.faults.find(({ done }) => done === "withdrawRoutes")?.reason;
  if (severe !== undefined) return malformedList(`attributes without prefixes: ${severe} (RFC 7606 §5.2)`);
  return update({ withdrawn: prefixes.withdrawn, faults: [...prefixes.faults, ...decoded.faults] });
}

function announce(pieces: UpdatePieces, prefixes: Prefixes, decoded: DecodedAttributes): DecodedUpdate {
  const faults = [...prefixes.faults, ...attributeFaults(pieces, decoded)];
  const announced: Announcement[] = prefixes.announcement ? [prefixes.announcement] : [];
  const isUsable = !faults.some(({ done }) => done === "withdrawRoutes");
  if (isUsable && decoded.nextHop && prefixes.nlri.words.length > 0) {
    announced.push({ prefixes: prefixes.nlri, nextHop: decoded.nextHop });
  }
  if (isUsable) {
    const attributes = announced.length > 0 ? decoded.attributes : null;
    return update({ withdrawn: prefixes.withdrawn, announced, attributes, faults });
  }
  const unusable = [prefixes.nlri, ...announced.map((each) => each.prefixes)].filter(({ words }) => words.length > 0);
  return update({ withdrawn: [...prefixes.withdrawn, ...unusable], faults });
}

/** With what only an announcement makes a fault: a missing mandatory attribute (RFC 7606 §3.d), attributes cut off. */
function attributeFaults(pieces: UpdatePieces, decoded: DecodedAttributes): AttributeFault[] {
  const faults = [...decoded.faults, ...decoded.missing];
  if (pieces.cutOff) faults.push({ code: 0, name: "attributes", done: "withdrawRoutes", reason: pieces.cutOff });
  if (decoded.attributes && holdsSet(decoded.attributes)) {
    faults.push(attributeFault(asPath, "withdrawRoutes", "a set of ASes, which nobody may send (RFC 9774 §3)"));
  }
  // RFC 4760 §3: NEXT_HOP says nothing about the prefixes of MP_REACH_NLRI, whatever stands in it.
  if (pieces.nlri.length === 0) return faults.filter(({ code }) => code !== nextHop.code);
  if (!decoded.nextHop && !faults.some(({ code }) => code === nextHop.code)) {
    faults.push(attributeFault(nextHop, "withdrawRoutes", "is missing"));
  }
  return faults;
}

function holdsSet({ asPath: path }: PathAttributes): boolean {
  return path.some(({ type }) => type === "set" || type === "confedSet");
}

function update(parts: Partial<Omit<Update, "type">>): DecodedUpdate {
  const nothing = { withdrawn: [], announced: [], attributes: null, endOfRib: null, faults: [] };
  return { kind: "message", message: { type: "update", ...nothing, ...parts } };
}
