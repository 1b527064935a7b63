/** AS_PATH (RFC 4271 §5.1.2) and AS4_PATH (RFC 6793 §3): one form, two widths. */
import type { EncodeContext } from "../contract.ts";
import { asTrans, twoOctetAsMax } from "../limits.ts";
import type { AsPathSegment } from "../message.ts";
import type { WireReader } from "../reader.ts";
import type { WireWriter } from "../writer.ts";
import { type AttributeCodec, optionalTransitive, wellKnown } from "./codec.ts";

/** By number on the wire: RFC 4271 §4.3, RFC 5065 §3. */
const segmentTypes: readonly (AsPathSegment["type"] | undefined)[] = [
  undefined,
  "set",
  "sequence",
  "confedSequence",
  "confedSet",
];

/** A segment counts its ASes in one byte. */
const asnsPerSegmentMax = 255;

export const asPath: AttributeCodec<readonly AsPathSegment[]> = {
  code: 2,
  name: "asPath",
  flags: wellKnown,
  onMalformed: "withdrawRoutes",
  mayBeEmpty: true,
  decode: (reader, { fourOctetAs, external }) => {
    const segments = readSegments(reader, fourOctetAs);
    if (segments && external && segments.some(isConfederation)) {
      return reader.refuse("a confederation segment from outside (RFC 5065)");
    }
    return segments;
  },
  encode: (writer, segments, { fourOctetAs }) => writeSegments(writer, segments, fourOctetAs),
};

/** Confederation segments are dropped and the rest used (RFC 6793 §6). */
export const as4Path: AttributeCodec<readonly AsPathSegment[]> = {
  code: 17,
  name: "as4Path",
  flags: optionalTransitive,
  onMalformed: "discardAttribute",
  only: "twoOctetPeers",
  decode: (reader) => readSegments(reader, true)?.filter((segment) => !isConfederation(segment)) ?? null,
  encode: (writer, segments) => writeSegments(writer, segments, true),
};

/** The AS4_PATH that must go with this path to a two-octet peer, or `null` where AS_PATH says it all (RFC 6793 §4.2.2). */
export function as4PathFor(
  segments: readonly AsPathSegment[],
  context: EncodeContext,
): readonly AsPathSegment[] | null {
  const isLossy = !context.fourOctetAs && segments.some(({ asns }) => asns.some((asn) => asn > twoOctetAsMax));
  return isLossy ? segments.filter((segment) => !isConfederation(segment)) : null;
}

/**
 * RFC 6793 §4.2.3: AS4_PATH replaces the end of AS_PATH; what two-octet speakers put before it stays. One that is
 * longer than AS_PATH was left behind by somebody who shortened the path: it is ignored.
 */
export function mergeAs4Path(
  path: readonly AsPathSegment[],
  path4: readonly AsPathSegment[],
): readonly AsPathSegment[] {
  const leading = countHops(path) - countHops(path4);
  if (leading < 0) return path;
  return joinSequences([...firstHops(path, leading), ...path4]);
}

/** The length that the decision process compares: a set is one hop, confederations are none (RFC 4271 §9.1.2.2). */
export function countHops(path: readonly AsPathSegment[]): number {
  let hops = 0;
  for (const { type, asns } of path) {
    if (type === "sequence") hops += asns.length;
    else if (type === "set") hops += 1;
  }
  return hops;
}

function firstHops(path: readonly AsPathSegment[], count: number): AsPathSegment[] {
  const taken: AsPathSegment[] = [];
  let left = count;
  for (const segment of path) {
    if (left === 0 && !isConfederation(segment)) break;
    const asns = segment.type === "sequence" ? segment.asns.slice(0, left) : segment.asns;
    taken.push({ type: segment.type, asns });
    left -= countHops([{ type: segment.type, asns }]);
  }
  return taken;
}

/** Two sequences in a row are one, as long as one segment can count them. */
function joinSequences(path: readonly AsPathSegment[]): readonly AsPathSegment[] {
  const joined: AsPathSegment[] = [];
  for (const segment of path) {
    const last = joined.at(-1);
    const fits = last && last.asns.length + segment.asns.length <= asnsPerSegmentMax;
    if (fits && last.type === "sequence" && segment.type === "sequence") {
      joined[joined.length - 1] = { type: "sequence", asns: [...last.asns, ...segment.asns] };
    } else joined.push(segment);
  }
  return joined;
}

function isConfederation({ type }: AsPathSegment): boolean {
  return type === "confedSequence" || type === "confedSet";
}

/** RFC 7606 §7.2: no unknown type, no empty segment, none that runs past the end; RFC 7607: no AS 0. */
function readSegments(reader: WireReader, fourOctetAs: boolean): readonly AsPathSegment[] | null {
  const segments: AsPathSegment[] = [];
  while (reader.remaining > 0) {
    const number = reader.u8();
    const type = segmentTypes[number];
    const count = reader.u8();
    if (!type) return reader.refuse(`segment type ${number} is not defined`);
    if (count === 0) return reader.refuse("an empty segment");
    if (count * (fourOctetAs ? 4 : 2) > reader.remaining) return reader.refuse(`a segment of ${count} ASes is cut off`);
    const asns: number[] = [];
    for (let i = 0; i < count; i++) asns.push(fourOctetAs ? reader.u32() : reader.u16());
    if (asns.includes(0)) return reader.refuse("AS 0 is nobody's (RFC 7607)");
    segments.push({ type, asns });
  }
  return segments;
}

function writeSegments(writer: WireWriter, segments: readonly AsPathSegment[], fourOctetAs: boolean): void {
  for (const { type, asns } of segments) {
    for (let start = 0; start < asns.length; start += asnsPerSegmentMax) {
      const part = asns.slice(start, start + asnsPerSegmentMax);
      writer.u8(segmentTypes.indexOf(type));
      writer.u8(part.length);
      for (const asn of part) {
        if (fourOctetAs) writer.u32(asn);
        else writer.u16(asn > twoOctetAsMax ? asTrans : asn);
      }
    }
  }
}
