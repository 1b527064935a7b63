/** UPDATE to bytes: one message, or as few as a change of many prefixes needs. */
import assert from "node:assert/strict";
import type { Family } from "@brindle/net";
import type { AttributeCodec } from "./attributes/codec.ts";
import { mpReach, mpUnreach } from "./attributes/multiprotocol.ts";
import { encodeAttributes, writeAttribute } from "./attributesEncoder.ts";
import type { EncodeContext } from "./contract.ts";
import { withHeader } from "./header.ts";
import { messageBytesMax, updateBytesMin } from "./limits.ts";
import type { Announcement, PackedPrefixes, PathAttributes, Update } from "./message.ts";
import { cutPrefixes, encodePackedPrefixes, pathIdBytes } from "./prefixes.ts";
import { WireWriter } from "./writer.ts";

/** What changes for a peer: routes that share their attributes, and routes that end. */
export type UpdateContent = Pick<Update, "withdrawn" | "announced" | "attributes">;

/** An attribute's flags, code and two bytes of length. */
const attributeHeaderBytes = 4;
/** AFI and SAFI, and in MP_REACH_NLRI the next hop's length and a reserved byte. */
const unreachHeadBytes = 3;
const reachHeadBytes = 5;
/** A prefix of full length, with its length. */
const prefixBytesMax: Readonly<Record<Family, number>> = { 4: 5, 6: 17 };

/**
 * Whole messages, withdrawals first. Attributes so long that no prefix fits beside them cannot be announced (RFC 4271
 * §9.2): their prefixes are withdrawn, since the peer must not keep what they replaced.
 */
export function encodeUpdates(content: UpdateContent, context: EncodeContext): Uint8Array[] {
  const announcing = content.announced.map((announcement) => ({
    prefixes: announcement.prefixes,
    messages: encodeAnnouncement(announcement, content.attributes, context),
  }));
  const unfit = announcing.filter(({ messages }) => messages === null).map(({ prefixes }) => prefixes);
  return [
    ...[...content.withdrawn, ...unfit].flatMap((prefixes) => encodeWithdrawal(prefixes, context)),
    ...announcing.flatMap(({ messages }) => messages ?? []),
  ];
}

/** The body of one message. All must fit into it, with at most one next hop a family: else it is a bug of ours. */
export function encodeUpdate(update: Update, context: EncodeContext): Uint8Array {
  if (update.endOfRib !== null) return encodeEndOfRib(update.endOfRib);
  const classic = update.announced.filter(isClassic);
  const multiprotocol = update.announced.filter((announcement) => !isClassic(announcement));
  assert(classic.length <= 1 && multiprotocol.length <= 1, "one UPDATE has no place for two next hops of a family");

  const writer = new WireWriter();
  for (const announcement of multiprotocol) {
    writeMultiprotocol(writer, mpReach, { kind: "reach", announcement });
  }
  const unreachable = update.withdrawn.filter(({ family }) => family === 6);
  if (unreachable.length > 0) {
    writeMultiprotocol(writer, mpUnreach, { kind: "unreach", prefixes: joinPrefixes(6, unreachable) });
  }
  if (update.announced.length > 0) {
    assert(update.attributes, "an UPDATE that announces has attributes");
    writer.bytes(encodeAttributes(update.attributes, classic[0]?.nextHop ?? null, context));
  }
  return updateBody({
    withdrawn: encodePackedPrefixes(joinPrefixes(4, update.withdrawn)),
    attributes: writer.finish(),
    nlri: encodePackedPrefixes(
      joinPrefixes(
        4,
        classic.map(({ prefixes }) => prefixes),
      ),
    ),
  });
}

function encodeWithdrawal(prefixes: PackedPrefixes, context: EncodeContext): Uint8Array[] {
  const { messageBytesMax: bytesMax = messageBytesMax } = context;
  if (prefixes.family === 4) {
    const pieces = cutPrefixes(prefixes, bytesMax - updateBytesMin);
    return pieces.map((piece) => updateMessage({ withdrawn: encodePackedPrefixes(piece) }, context));
  }
  const room = bytesMax - updateBytesMin - attributeHeaderBytes - unreachHeadBytes;
  return cutPrefixes(prefixes, room).map((piece) => {
    const writer = new WireWriter();
    writeMultiprotocol(writer, mpUnreach, { kind: "unreach", prefixes: piece });
    return updateMessage({ attributes: writer.finish() }, context);
  });
}

/** `null` when the attributes leave no room. */
function encodeAnnouncement(
  announcement: Announcement,
  attributes: PathAttributes | null,
  context: EncodeContext,
): Uint8Array[] | null {
  assert(attributes, "an UPDATE that announces has attributes");
  const { prefixes, nextHop } = announcement;
  const hasClassicForm = isClassic(announcement);
  const shared = encodeAttributes(attributes, hasClassicForm ? nextHop : null, context);
  const { messageBytesMax: bytesMax = messageBytesMax } = context;
  const room = bytesMax - updateBytesMin - shared.length - (hasClassicForm ? 0 : reachBytes(announcement));
  if (room < prefixBytesMax[prefixes.family] + (prefixes.pathIds ? pathIdBytes : 0)) return null;

  return cutPrefixes(prefixes, room).map((piece) => {
    if (hasClassicForm) return updateMessage({ attributes: shared, nlri: encodePackedPrefixes(piece) }, context);
    const writer = new WireWriter();
    writeMultiprotocol(writer, mpReach, { kind: "reach", announcement: { ...announcement, prefixes: piece } });
    writer.bytes(shared); // MP_REACH_NLRI goes first, where faults of the others cannot hide it (RFC 7606 §5.1).
    return updateMessage({ attributes: writer.finish() }, context);
  });
}

/** Whether NLRI and NEXT_HOP of RFC 4271 can carry it. */
function isClassic({ prefixes, nextHop }: Announcement): boolean {
  return prefixes.family === 4 && nextHop.family === 4;
}

function reachBytes({ nextHop, linkLocalNextHop }: Announcement): number {
  const hopBytes = nextHop.family === 4 ? 4 : linkLocalNextHop ? 32 : 16;
  return attributeHeaderBytes + reachHeadBytes + hopBytes;
}

function encodeEndOfRib(family: Family): Uint8Array {
  if (family === 4) return updateBody({});
  const writer = new WireWriter();
  writeMultiprotocol(writer, mpUnreach, { kind: "unreach", prefixes: { family, words: new Uint32Array(0) } });
  return updateBody({ attributes: writer.finish() });
}

function writeMultiprotocol<T>(writer: WireWriter, codec: AttributeCodec<T>, value: T): void {
  const inner = new WireWriter();
  codec.encode(inner, value, { fourOctetAs: true });
  writeAttribute(writer, { code: codec.code, flags: codec.flags, value: inner.finish() });
}

function joinPrefixes(family: Family, parts: readonly PackedPrefixes[]): PackedPrefixes {
  const ours = parts.filter((part) => part.family === family);
  const words = new Uint32Array(ours.reduce((length, part) => length + part.words.length, 0));
  let at = 0;
  for (const part of ours) {
    words.set(part.words, at);
    at += part.words.length;
  }
  const pathIds = ours.flatMap((part) => [...(part.pathIds ?? [])]);
  return pathIds.length > 0 ? { family, words, pathIds: Uint32Array.from(pathIds) } : { family, words };
}

interface UpdateFields {
  readonly withdrawn?: Uint8Array;
  readonly attributes?: Uint8Array;
  readonly nlri?: Uint8Array;
}

const nothing: Uint8Array = new Uint8Array(0);

function updateBody({ withdrawn = nothing, attributes = nothing, nlri = nothing }: UpdateFields): Uint8Array {
  const writer = new WireWriter();
  writer.u16(withdrawn.length);
  writer.bytes(withdrawn);
  writer.u16(attributes.length);
  writer.bytes(attributes);
  writer.bytes(nlri);
  return writer.finish();
}

function updateMessage(fields: UpdateFields, { messageBytesMax: bytesMax }: EncodeContext): Uint8Array {
  return withHeader("update", updateBody(fields), bytesMax);
}
