/**
 * The scanner beside `decodeUpdate`: whatever it takes, both must say the same of, and whatever is wrong it must leave.
 */
import { describe, expect, it } from "vitest";
import { encodeAttributes } from "./attributesEncoder.ts";
import type { CodecContext } from "./contract.ts";
import type { PackedPrefixes } from "./message.ts";
import { decodePackedPrefixes } from "./prefixes.ts";
import {
  attribute,
  externalPeer,
  hex,
  internalPeer,
  seededRandom,
  twoOctetPeer,
  unpacked,
  updateBytes,
} from "./testing.ts";
import { decodeUpdate } from "./update.ts";
import { UpdateScanner } from "./updateScan.ts";

const origin = attribute(0x40, 1, "00");
const path = attribute(0x40, 2, "0202 0000fde9 0001fde9");
const nextHop = attribute(0x40, 3, "c0000201");
const med = attribute(0x80, 4, "00000005");
const localPref = attribute(0x40, 5, "00000064");
const aggregator = attribute(0xc0, 7, "0000fde9 c0000201");
const communities = attribute(0xc0, 8, "fde90001 ffffff01");
const extended = attribute(0xc0, 16, "0002fde900000001");
const large = attribute(0xc0, 32, "0000fde9 00000001 00000002");
const reach = attribute(0x80, 14, "0002 01 10 20010db8000000000000000000000001 00 20 20010db8 30 20010db80001");
const unreach = attribute(0x80, 15, "0002 01 20 20010db9");
const nlri = "18 c63364 08 0b";

const ordinary: { name: string; context: CodecContext; bytes: Uint8Array }[] = [
  {
    name: "the three mandatory ones",
    context: externalPeer,
    bytes: updateBytes({ attributes: origin + path + nextHop, nlri }),
  },
  {
    name: "all that a table has",
    context: externalPeer,
    bytes: updateBytes({
      attributes: [origin, path, nextHop, med, aggregator, communities, extended, large].join(""),
      nlri,
    }),
  },
  {
    name: "LOCAL_PREF from inside",
    context: internalPeer,
    bytes: updateBytes({ attributes: origin + path + nextHop + localPref, nlri }),
  },
  { name: "withdrawals", context: externalPeer, bytes: updateBytes({ withdrawn: "18 c63364 00" }) },
  {
    name: "withdrawals beside announcements",
    context: externalPeer,
    bytes: updateBytes({ withdrawn: "18 c63365", attributes: origin + path + nextHop, nlri }),
  },
  { name: "IPv6, its NLRI first", context: externalPeer, bytes: updateBytes({ attributes: reach + origin + path }) },
  {
    name: "IPv6, its NLRI last",
    context: externalPeer,
    bytes: updateBytes({ attributes: origin + path + med + reach }),
  },
  { name: "IPv6 withdrawals", context: externalPeer, bytes: updateBytes({ attributes: unreach }) },
  {
    name: "lengths of two bytes where one does",
    context: externalPeer,
    bytes: updateBytes({ attributes: `${origin}5002 000a 0202 0000fde9 0001fde9 5003 0004 c0000201${med}`, nlri }),
  },
  {
    name: "a partial bit",
    context: externalPeer,
    bytes: updateBytes({ attributes: origin + path + nextHop + attribute(0xe0, 8, "fde90001"), nlri }),
  },
];

const unusual: { name: string; context: CodecContext; bytes: Uint8Array }[] = [
  {
    name: "a two-octet peer",
    context: twoOctetPeer,
    bytes: updateBytes({ attributes: origin + path + nextHop, nlri }),
  },
  { name: "no NEXT_HOP", context: externalPeer, bytes: updateBytes({ attributes: origin + path, nlri }) },
  { name: "no ORIGIN", context: externalPeer, bytes: updateBytes({ attributes: path + nextHop, nlri }) },
  { name: "the end of RIB", context: externalPeer, bytes: updateBytes({}) },
  { name: "the end of IPv6", context: externalPeer, bytes: updateBytes({ attributes: attribute(0x80, 15, "000201") }) },
  {
    name: "attributes in another order",
    context: externalPeer,
    bytes: updateBytes({ attributes: path + origin + nextHop, nlri }),
  },
  {
    name: "one twice",
    context: externalPeer,
    bytes: updateBytes({ attributes: origin + origin + path + nextHop, nlri }),
  },
  {
    name: "LOCAL_PREF from outside",
    context: externalPeer,
    bytes: updateBytes({ attributes: origin + path + nextHop + localPref, nlri }),
  },
  {
    name: "an AS_SET (RFC 9774)",
    context: externalPeer,
    bytes: updateBytes({ attributes: origin + attribute(0x40, 2, "0101 0000fde9") + nextHop, nlri }),
  },
  {
    name: "AS 0 (RFC 7607)",
    context: externalPeer,
    bytes: updateBytes({ attributes: origin + attribute(0x40, 2, "0201 00000000") + nextHop, nlri }),
  },
  {
    name: "an unknown attribute",
    context: externalPeer,
    bytes: updateBytes({ attributes: origin + path + nextHop + attribute(0xc0, 99, "00"), nlri }),
  },
  {
    name: "a large community twice",
    context: externalPeer,
    bytes: updateBytes({
      attributes: origin + path + nextHop + attribute(0xc0, 32, "000000010000000200000003".repeat(2)),
      nlri,
    }),
  },
  {
    name: "a prefix of 33 bits",
    context: externalPeer,
    bytes: updateBytes({ attributes: origin + path + nextHop, nlri: "21 c633640000" }),
  },
];

describe("UpdateScanner", () => {
  for (const { name, context, bytes } of ordinary) {
    it(`takes ${name}`, () => expect(agree(bytes, context)).toBe(true));
  }

  for (const { name, context, bytes } of unusual) {
    it(`leaves ${name}`, () => expect(new UpdateScanner().scan(bytes, 0, bytes.length, context)).toBe(false));
  }

  const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 2 ** 31);
  it(`never takes what is judged otherwise, however bytes are changed (BRINDLE_SEED=${seed})`, () => {
    const random = seededRandom(seed);
    let taken = 0;
    for (let i = 0; i < 10_000; i++) {
      const { bytes, context } = ordinary[random(ordinary.length)] ?? { bytes: hex(""), context: externalPeer };
      const changed = new Uint8Array(bytes);
      for (let flips = random(3); flips >= 0; flips--) {
        changed[19 + random(changed.length - 19)] = random(3) === 0 ? random(256) : 1 << random(8);
      }
      if (agree(changed, random(4) === 0 ? internalPeer : context)) taken += 1;
    }
    expect(taken).toBeGreaterThan(300);
  });
});

/** Whether the scanner takes it; then it must say what the decoder says, without a fault. */
function agree(bytes: Uint8Array, context: CodecContext): boolean {
  const scanner = new UpdateScanner();
  // At another offset, as it comes in a stream.
  const stream = new Uint8Array(bytes.length + 7);
  stream.set(bytes, 5);
  if (!scanner.scan(stream, 5, 5 + bytes.length, context)) return false;
  const decoded = decodeUpdate(bytes, context);
  if (decoded.kind === "fault") throw new Error(`taken, but: ${decoded.reason}`);
  const { withdrawn, announced, attributes, faults } = decoded.message;
  expect(faults).toEqual([]);
  const range = (start: number, end: number, family: 4 | 6): string[] => texts(stream.subarray(start, end), family);
  expect([
    ...range(scanner.withdrawnStart, scanner.withdrawnEnd, 4),
    ...range(scanner.unreachStart, scanner.unreachEnd, 6),
  ]).toEqual(withdrawn.flatMap(unpacked));
  expect([...range(scanner.reachStart, scanner.reachEnd, 6), ...range(scanner.nlriStart, scanner.nlriEnd, 4)]).toEqual(
    announced.flatMap(({ prefixes }) => unpacked(prefixes)),
  );
  if (attributes) {
    const canonical = encodeAttributes(attributes, null, { fourOctetAs: true });
    expect(withoutPartial(scanner.attributes.slice(0, scanner.attributesLength))).toEqual(withoutPartial(canonical));
  }
  return true;
}

function texts(bytes: Uint8Array, family: 4 | 6): string[] {
  const packed: PackedPrefixes | null = decodePackedPrefixes(bytes, family);
  if (!packed) throw new Error("prefixes that are none");
  return unpacked(packed);
}

/** The one thing that a value does not keep. */
function withoutPartial(bytes: Uint8Array): Uint8Array {
  const plain = new Uint8Array(bytes);
  for (let at = 0; at < plain.length; ) {
    const flags = plain[at] ?? 0;
    plain[at] = flags & ~0x20;
    at += flags & 0x10 ? 4 + (((plain[at + 2] ?? 0) << 8) | (plain[at + 3] ?? 0)) : 3 + (plain[at + 2] ?? 0);
  }
  return plain;
}
