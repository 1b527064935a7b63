/**
 * `exportedAttributes` without values: the canonical bytes of an attribute set become those that a peer is told, by
 * leaving out, putting in and prepending. `exportedBytes.test.ts` holds the two to each other.
 */
import { localPrefWithout } from "../rib/attrTable.ts";
import { attributeFlag } from "../wire/attributeSummary.ts";
import { wellKnownBit } from "../wire/wellKnownCommunities.ts";

export interface ByteExport {
  readonly external: boolean;
  readonly localAsn: number;
  /** Whether a MED goes to another AS. */
  readonly keepsMed: boolean;
  /** NEXT_HOP as a number; `null` where MP_REACH_NLRI has it. */
  readonly nextHop4: number | null;
  /** RFC 4456 §8: what goes from one internal peer to another; absent for what does not. */
  readonly reflected?: { readonly originator: number; readonly clusterId: number };
}

const code = { asPath: 2, nextHop: 3, med: 4, localPref: 5, originatorId: 9, clusterList: 10 } as const;

/** Whether the way by values is not needed: nothing has to be looked at more closely than a copy does. */
export function canExportBytes(flags: number, { external }: Pick<ByteExport, "external">): boolean {
  // To another AS some extended communities stay here, and a path may need a segment more.
  return !external || (flags & (attributeFlag.extendedCommunities | attributeFlag.needsNewSegment)) === 0;
}

/** Writes into `into` and gives the length. There is room for 64 bytes more than came in. */
export function exportBytes(
  bytes: Uint8Array,
  flags: number,
  to: ByteExport,
  into: Uint8Array,
  { start, end: stop }: { readonly start: number; readonly end: number } = { start: 0, end: bytes.length },
): number {
  const owed = owedWords(flags, to);
  let owes = 0;
  let end = 0;
  for (let at = start; at < stop; ) {
    const isLong = ((bytes[at] ?? 0) & 0x10) !== 0;
    const length = isLong ? ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0) : (bytes[at + 2] ?? 0);
    const next = at + (isLong ? 4 : 3) + length;
    const number = bytes[at + 1] ?? 0;
    for (let word = owed[owes]; word && word.code <= number; word = owed[++owes]) {
      if (word.code < number) end = putWord(into, end, word);
    }
    const place = { at, next, isLong };
    if (to.external && number === code.asPath) end = putPath(bytes, place, to.localAsn, into, end);
    else if (to.reflected && number === code.clusterList) end = putClusters(bytes, place, to.reflected, into, end);
    else if (!to.external || !staysHere(number, to)) for (let i = at; i < next; i++) into[end++] = bytes[i] ?? 0;
    at = next;
  }
  for (let word = owed[owes]; word; word = owed[++owes]) end = putWord(into, end, word);
  return end;
}

/** What the last set was owed: those that follow are mostly for the same peers, and owed the same. */
let lastOwed: { readonly to: ByteExport; readonly kind: number; readonly words: readonly WordAttribute[] } | null =
  null;

/** Attributes to put in where they are not, in code order: one that is there already stays as it is. */
function owedWords(flags: number, to: ByteExport): readonly WordAttribute[] {
  const kind = flags & (attributeFlag.localPref | wellKnownBit.gracefulShutdown);
  if (lastOwed?.to === to && lastOwed.kind === kind) return lastOwed.words;
  const words = makeOwedWords(flags, to);
  lastOwed = { to, kind, words };
  return words;
}

function makeOwedWords(flags: number, { external, nextHop4, reflected }: ByteExport): readonly WordAttribute[] {
  const owed: WordAttribute[] = [];
  if (nextHop4 !== null) owed.push({ flags: 0x40, code: code.nextHop, word: nextHop4 });
  if (!external && (flags & attributeFlag.localPref) === 0) {
    owed.push({ flags: 0x40, code: code.localPref, word: localPrefWithout(flags) });
  }
  if (!reflected) return owed;
  owed.push({ flags: 0x80, code: code.originatorId, word: reflected.originator });
  owed.push({ flags: 0x80, code: code.clusterList, word: reflected.clusterId });
  return owed;
}

/** RFC 4271 §5.1.4 and §5.1.5, RFC 4456 §8. */
function staysHere(number: number, { keepsMed }: ByteExport): boolean {
  if (number === code.med) return !keepsMed;
  return number === code.localPref || number === code.originatorId || number === code.clusterList;
}

interface Place {
  readonly at: number;
  readonly next: number;
  readonly isLong: boolean;
}

/** The path begins with a sequence that has room (`needsNewSegment` is not set). */
function putPath(bytes: Uint8Array, place: Place, asn: number, into: Uint8Array, start: number): number {
  const value = place.at + (place.isLong ? 4 : 3);
  const length = place.next - value + 4;
  let end = start;
  into[end++] = length > 255 ? 0x50 : 0x40;
  into[end++] = code.asPath;
  if (length > 255) into[end++] = length >>> 8;
  into[end++] = length;
  into[end++] = bytes[value] ?? 0;
  into[end++] = (bytes[value + 1] ?? 0) + 1;
  end = putU32(into, end, asn);
  for (let i = value + 2; i < place.next; i++) into[end++] = bytes[i] ?? 0;
  return end;
}

/** RFC 4456 §8: our cluster in front. */
function putClusters(
  bytes: Uint8Array,
  place: Place,
  { clusterId }: NonNullable<ByteExport["reflected"]>,
  into: Uint8Array,
  start: number,
): number {
  const value = place.at + (place.isLong ? 4 : 3);
  const length = place.next - value + 4;
  let end = start;
  into[end++] = length > 255 ? 0x90 : 0x80;
  into[end++] = code.clusterList;
  if (length > 255) into[end++] = length >>> 8;
  into[end++] = length;
  end = putU32(into, end, clusterId);
  for (let i = value; i < place.next; i++) into[end++] = bytes[i] ?? 0;
  return end;
}

interface WordAttribute {
  readonly flags: number;
  readonly code: number;
  readonly word: number;
}

function putWord(into: Uint8Array, at: number, attribute: WordAttribute): number {
  into[at] = attribute.flags;
  into[at + 1] = attribute.code;
  into[at + 2] = 4;
  return putU32(into, at + 3, attribute.word);
}

function putU32(into: Uint8Array, at: number, word: number): number {
  into[at] = word >>> 24;
  into[at + 1] = word >>> 16;
  into[at + 2] = word >>> 8;
  into[at + 3] = word;
  return at + 4;
}
