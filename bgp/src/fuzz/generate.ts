/** Messages as a hostile or broken peer sends them: well-formed ones, changed where their structure is. */
import type { Family } from "@brindle/net";
import { encodeMessage } from "../wire/codec.ts";
import type { Capability, Message, PackedPrefixes, PathAttributes, Update } from "../wire/message.ts";

/** A number from 0 to below `limit`. */
export type Random = (limit: number) => number;

const headerBytes = 19;

export function generateMessage(random: Random): Uint8Array {
  const bytes = encodeMessage(randomMessage(random), { fourOctetAs: random(8) > 0, messageBytesMax: 65_535 });
  switch (random(8)) {
    case 0:
    case 1:
      return bytes;
    case 2:
      return withTrueLength(flipped(bytes, random));
    case 3:
      return withTrueLength(spliced(bytes, random));
    case 4:
      return withBrokenHeader(bytes, random);
    default:
      return bytes[18] === 2 ? withBrokenAttribute(bytes, random) : withTrueLength(flipped(bytes, random));
  }
}

export function randomOpen(random: Random, asn: number): Message {
  const capabilities = everyCapability(asn).filter(() => random(3) > 0);
  return { type: "open", asn, holdSeconds: random(2) * 90, bgpId: 1 + random(1_000_000), capabilities };
}

function randomMessage(random: Random): Message {
  const kind = random(20);
  if (kind === 0) return randomOpen(random, 1 + random(70_000));
  if (kind === 1)
    return { type: "notification", code: random(10), subcode: random(12), data: noise(random, random(40)) };
  if (kind === 2) return { type: "keepalive" };
  if (kind === 3) return { type: "routeRefresh", family: family(random), ...demarcation(random) };
  if (kind === 4) return { ...nothing, endOfRib: family(random) };
  return randomUpdate(random);
}

const nothing: Update = { type: "update", withdrawn: [], announced: [], attributes: null, endOfRib: null, faults: [] };

function randomUpdate(random: Random): Update {
  const withdrawn = random(3) === 0 ? [prefixes(random, family(random))] : [];
  if (random(5) === 0) return { ...nothing, withdrawn: withdrawn.length > 0 ? withdrawn : [prefixes(random, 4)] };
  const ofFamily = family(random);
  const hop = ofFamily === 4 ? { family: 4, value: BigInt(random(2 ** 31)) } : { family: 6, value: v6(random) };
  const announced = [{ prefixes: prefixes(random, ofFamily), nextHop: hop as { family: Family; value: bigint } }];
  return { ...nothing, withdrawn, announced, attributes: randomAttributes(random) };
}

function randomAttributes(random: Random): PathAttributes {
  const some = <T>(make: () => T): T[] => Array.from({ length: 1 + random(4) }, make);
  const word = (): number => random(2 ** 32);
  const lists: Partial<PathAttributes> = {
    communities: some(word),
    clusterList: some(word),
    extendedCommunities: some(() => word().toString(16).padStart(8, "0").repeat(2)),
    largeCommunities: some(() => [word(), word(), word()] as const),
    unknown: [{ code: 40 + random(200), flags: 0xc0, value: noise(random, random(300)) }],
  };
  const optional: Partial<PathAttributes> = {
    med: word(),
    localPref: word(),
    atomicAggregate: true,
    aggregator: { asn: 1 + random(2 ** 31), address: word() },
    originatorId: word(),
    onlyToCustomer: word(),
    ...lists,
  };
  const chosen = Object.entries(optional).filter(() => random(4) === 0);
  const types = ["sequence", "sequence", "sequence", "set", "confedSequence"] as const;
  const asPath = some(() => ({ type: types[random(5)] ?? "sequence", asns: some(() => random(70_000)) }));
  return { origin: (["igp", "egp", "incomplete"] as const)[random(3)] ?? "igp", asPath, ...Object.fromEntries(chosen) };
}

function prefixes(random: Random, of: Family): PackedPrefixes {
  const count = 1 + random(8);
  const rowWords = of === 4 ? 2 : 5;
  const words = new Uint32Array(count * rowWords);
  for (let row = 0; row < words.length; row += rowWords) {
    const length = random(of === 4 ? 33 : 129);
    for (let i = 0; i < rowWords - 1; i++) words[row + i] = masked(random(2 ** 32), length - 32 * i);
    words[row + rowWords - 1] = length;
  }
  const packed = { family: of, words };
  // RFC 7911: of few paths, so that they meet again; also where nobody agreed on them.
  return random(3) === 0 ? { ...packed, pathIds: Uint32Array.from({ length: count }, () => random(4)) } : packed;
}

/** The first `length` bits. */
function masked(word: number, length: number): number {
  if (length <= 0) return 0;
  return length >= 32 ? word : word & ~(0xffffffff >>> length);
}

function v6(random: Random): bigint {
  return (0x20010db8n << 96n) | BigInt(random(2 ** 32));
}

function family(random: Random): Family {
  return random(2) === 0 ? 4 : 6;
}

function demarcation(random: Random): { demarcation?: "begin" | "end" } {
  return random(3) === 0 ? {} : { demarcation: random(2) === 0 ? "begin" : "end" };
}

function everyCapability(asn: number): Capability[] {
  const kept = ([4, 6] as const).map((family) => ({ family, forwardingKept: true }));
  return [
    { code: 1, name: "multiprotocol", family: 4 },
    { code: 1, name: "multiprotocol", family: 6 },
    { code: 2, name: "routeRefresh" },
    { code: 5, name: "extendedNextHop", families: [{ family: 4, nextHop: 6 }] },
    { code: 6, name: "extendedMessage" },
    { code: 9, name: "role", role: "customer" },
    { code: 64, name: "gracefulRestart", restart: { restarting: false, restartSeconds: 1, families: kept } },
    { code: 65, name: "fourOctetAs", asn },
    { code: 69, name: "addPath", families: kept.map(({ family }) => ({ family, send: true, receive: true })) },
    { code: 70, name: "enhancedRouteRefresh" },
    { code: 71, name: "longLivedRestart", families: kept.map((each) => ({ ...each, staleSeconds: 2 })) },
    { code: 200, name: "unknown", value: Uint8Array.of(1, 2, 3) },
  ];
}

function noise(random: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = random(256);
  return bytes;
}

function flipped(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = bytes.slice();
  for (let i = random(4); i >= 0 && copy.length > headerBytes; i--) {
    const at = headerBytes + random(copy.length - headerBytes);
    copy[at] = random(2) === 0 ? random(256) : (copy[at] ?? 0) ^ (1 << random(8));
  }
  return copy;
}

function spliced(bytes: Uint8Array, random: Random): Uint8Array {
  const at = headerBytes + random(bytes.length - headerBytes + 1);
  const isCut = random(2) === 0;
  const count = 1 + random(8);
  const before = bytes.subarray(0, at);
  return isCut
    ? joined([before, bytes.subarray(at + count)])
    : joined([before, noise(random, count), bytes.subarray(at)]);
}

function withBrokenHeader(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = bytes.slice();
  const at = random(3) === 0 ? random(16) : 16 + random(3);
  copy[at] = random(256);
  return copy;
}

/** One attribute has another flag, code or length, is there twice, or is cut; the lengths around it are often made to fit. */
function withBrokenAttribute(bytes: Uint8Array, random: Random): Uint8Array {
  const withdrawnBytes = u16(bytes, headerBytes);
  const start = headerBytes + 4 + withdrawnBytes;
  const end = Math.min(bytes.length, start + u16(bytes, start - 2));
  const attributes = split(bytes.subarray(start, end));
  const index = random(attributes.length);
  const chosen = attributes[index];
  if (!chosen || chosen.length < 3) return withTrueLength(flipped(bytes, random));
  attributes[index] = broken(chosen, random);
  if (random(4) === 0) attributes.push(chosen);
  if (random(4) === 0) attributes.reverse();
  const content = joined(attributes);
  const told = random(6) === 0 ? random(content.length + 20) : content.length;
  const length = Uint8Array.of(told >>> 8, told & 0xff);
  return withTrueLength(joined([bytes.subarray(0, start - 2), length, content, bytes.subarray(end)]));
}

function broken(attribute: Uint8Array, random: Random): Uint8Array {
  const copy = attribute.slice();
  switch (random(5)) {
    case 0:
      copy[0] = random(256);
      return copy;
    case 1:
      copy[1] = random(50);
      return copy;
    case 2:
      copy[2] = random(256);
      return copy;
    case 3:
      return resized(copy, random(copy.length));
    default:
      return resized(copy, copy.length + 1 + random(6));
  }
}

/** With a length byte that fits, where there is one of the short form. */
function resized(attribute: Uint8Array, length: number): Uint8Array {
  const copy = new Uint8Array(Math.max(3, length));
  copy.set(attribute.subarray(0, copy.length));
  if (((copy[0] ?? 0) & 0x10) === 0) copy[2] = copy.length - 3;
  return copy;
}

function split(bytes: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = 0; at + 3 <= bytes.length; ) {
    const isLong = ((bytes[at] ?? 0) & 0x10) !== 0;
    const next = at + (isLong ? 4 + u16(bytes, at + 2) : 3 + (bytes[at + 2] ?? 0));
    found.push(bytes.slice(at, next));
    at = next;
  }
  return found;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function withTrueLength(bytes: Uint8Array): Uint8Array {
  bytes[16] = bytes.length >>> 8;
  bytes[17] = bytes.length;
  return bytes;
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
