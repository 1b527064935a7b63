/**
 * What the decision process and the export rules ask of path attributes, read from their bytes without making values of
 * them. The bytes are canonical: well formed, in code order, AS numbers of four octets, next hops and NLRI left out.
 */
import { wellKnownFlag } from "./wellKnownCommunities.ts";

export interface AttributeSummary {
  /** `null` where there is none. */
  localPref: number | null;
  /** RFC 4271 §9.1.2.2 a: a set counts as one. RFC 5065 §5.3: confederation segments count nothing. */
  asPathLength: number;
  origin: number;
  /** RFC 4271 §9.1.2.2 c: absent counts as the lowest. */
  med: number;
  /** The AS that MED is compared within; zero for a path that is empty or begins with a set. */
  neighborAsn: number;
  /** Zero where there is none: no router has that identifier. */
  originatorId: number;
  clusterListLength: number;
  /** Of `wellKnownFlag`, and those of `attributeFlag`. */
  flags: number;
}

/** Of a set that says nothing: to be filled in. */
export function emptySummary(): AttributeSummary {
  return {
    localPref: null,
    asPathLength: 0,
    origin: 0,
    med: 0,
    neighborAsn: 0,
    originatorId: 0,
    clusterListLength: 0,
    flags: 0,
  };
}

/** Beside `wellKnownFlag`, from bit 16 up: what makes an exporter look closer. */
export const attributeFlag = {
  med: 0x10000,
  localPref: 0x20000,
  /** ORIGINATOR_ID or CLUSTER_LIST. */
  reflected: 0x40000,
  extendedCommunities: 0x80000,
  /** The path does not begin with a sequence that has room for one more AS. */
  needsNewSegment: 0x100000,
  /** ONLY_TO_CUSTOMER (RFC 9234). */
  onlyToCustomer: 0x200000,
} as const;

const sequenceAsnsMax = 255;

/** Fills `into`, which its caller uses again and again. */
export function summarizeAttributes(bytes: Uint8Array, length: number, into: AttributeSummary): void {
  into.localPref = null;
  into.asPathLength = into.origin = into.med = into.neighborAsn = into.originatorId = into.clusterListLength = 0;
  into.flags = attributeFlag.needsNewSegment;
  for (let at = 0; at < length; ) {
    const isLong = ((bytes[at] ?? 0) & 0x10) !== 0;
    const start = at + (isLong ? 4 : 3);
    const end = start + (isLong ? u16(bytes, at + 2) : (bytes[at + 2] ?? 0));
    switch (bytes[at + 1]) {
      case 1:
        into.origin = bytes[start] ?? 0;
        break;
      case 2:
        summarizePath(bytes, start, end, into);
        break;
      case 4:
        into.med = u32(bytes, start);
        into.flags |= attributeFlag.med;
        break;
      case 5:
        into.localPref = u32(bytes, start);
        into.flags |= attributeFlag.localPref;
        break;
      case 8:
        for (let value = start; value < end; value += 4) into.flags |= wellKnownFlag(u32(bytes, value));
        break;
      case 9:
        into.originatorId = u32(bytes, start);
        into.flags |= attributeFlag.reflected;
        break;
      case 10:
        into.clusterListLength = (end - start) >>> 2;
        into.flags |= attributeFlag.reflected;
        break;
      case 16:
        into.flags |= attributeFlag.extendedCommunities;
        break;
      case 35:
        into.flags |= attributeFlag.onlyToCustomer;
        break;
    }
    at = end;
  }
}

function summarizePath(bytes: Uint8Array, start: number, end: number, into: AttributeSummary): void {
  let isFirst = true;
  let hasHop = false;
  for (let at = start; at < end; ) {
    const type = bytes[at] ?? 0;
    const count = bytes[at + 1] ?? 0;
    if (isFirst && type === 2 && count < sequenceAsnsMax) into.flags &= ~attributeFlag.needsNewSegment;
    isFirst = false;
    if (type === 1) into.asPathLength += 1;
    if (type === 2) into.asPathLength += count;
    if (!hasHop && type <= 2) {
      hasHop = true;
      into.neighborAsn = type === 2 ? u32(bytes, at + 2) : 0;
    }
    at += 2 + 4 * count;
  }
}

/** Attributes in `bytes[start…end)`: what is asked of them most often is asked without making a view. */
export interface AttributeRange {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Whether an AS is in the path (RFC 4271 §9.1.2) more often than is allowed. */
export function pathHolds(range: AttributeRange, asn: number, allowed = 0): boolean {
  const { bytes } = range;
  let left = allowed;
  const value = findAttribute(range, 2);
  const end = endOf(bytes, value);
  for (let at = startOf(bytes, value); at < end; ) {
    const next = at + 2 + 4 * (bytes[at + 1] ?? 0);
    for (at += 2; at < next; at += 4) if (u32(bytes, at) === asn && left-- === 0) return true;
  }
  return false;
}

export function isSamePath(a: AttributeRange, b: AttributeRange): boolean {
  const [foundA, foundB] = [findAttribute(a, 2), findAttribute(b, 2)];
  const [startA, startB] = [startOf(a.bytes, foundA), startOf(b.bytes, foundB)];
  const length = endOf(a.bytes, foundA) - startA;
  if (endOf(b.bytes, foundB) - startB !== length) return false;
  for (let i = 0; i < length; i++) if (a.bytes[startA + i] !== b.bytes[startB + i]) return false;
  return true;
}

/** Whether a cluster is in CLUSTER_LIST (RFC 4456 §8). */
export function clusterListHolds(range: AttributeRange, clusterId: number): boolean {
  const { bytes } = range;
  const found = findAttribute(range, 10);
  const end = endOf(bytes, found);
  for (let at = startOf(bytes, found); at < end; at += 4) if (u32(bytes, at) === clusterId) return true;
  return false;
}

/** Where the attribute begins, or -1. */
function findAttribute({ bytes, start, end }: AttributeRange, code: number): number {
  for (let at = start; at < end; at = endOf(bytes, at)) if (bytes[at + 1] === code) return at;
  return -1;
}

/** Of the value; nothing is at -1. */
function startOf(bytes: Uint8Array, at: number): number {
  if (at < 0) return 0;
  return at + (((bytes[at] ?? 0) & 0x10) !== 0 ? 4 : 3);
}

function endOf(bytes: Uint8Array, at: number): number {
  if (at < 0) return 0;
  const isLong = ((bytes[at] ?? 0) & 0x10) !== 0;
  return at + (isLong ? 4 + u16(bytes, at + 2) : 3 + (bytes[at + 2] ?? 0));
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function u32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0
  );
}
