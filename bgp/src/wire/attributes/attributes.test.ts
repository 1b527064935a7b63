import { describe, expect, it } from "vitest";
import { decodeAttributes } from "../attributesDecoder.ts";
import { encodeAttributes } from "../attributesEncoder.ts";
import type { CodecContext } from "../contract.ts";
import type { AsPathSegment, PathAttributes } from "../message.ts";
import { address, attribute, externalPeer, hex, internalPeer, twoOctetPeer } from "../testing.ts";
import { attributeRows } from "./table.ts";

const sequence = (...asns: number[]): AsPathSegment => ({ type: "sequence", asns });
const set = (...asns: number[]): AsPathSegment => ({ type: "set", asns });

/** Without AS_PATH and ORIGIN nothing is usable, so each row stands with an empty path and IGP. */
const empty: PathAttributes = { origin: "igp", asPath: [] };
const emptyBytes = attribute(0x40, 1, "00") + attribute(0x40, 2, "");

const rows: { name: string; codes: number[]; bytes: string; value: PathAttributes; from?: CodecContext }[] = [
  {
    name: "ORIGIN EGP",
    codes: [1],
    bytes: attribute(0x40, 1, "01") + attribute(0x40, 2, ""),
    value: { ...empty, origin: "egp" },
  },
  {
    name: "ORIGIN INCOMPLETE",
    codes: [1],
    bytes: attribute(0x40, 1, "02") + attribute(0x40, 2, ""),
    value: { ...empty, origin: "incomplete" },
  },
  {
    name: "AS_PATH of a sequence and a set",
    codes: [2],
    bytes: attribute(0x40, 1, "00") + attribute(0x40, 2, "0202 0000fde9 fa56ea00 0101 0000fdea"),
    value: { ...empty, asPath: [sequence(65001, 4_200_000_000), set(65002)] },
  },
  {
    name: "AS_PATH with confederations inside the confederation",
    codes: [2],
    bytes: attribute(0x40, 1, "00") + attribute(0x40, 2, "0301 0000fde9 0401 0000fdea"),
    value: {
      ...empty,
      asPath: [
        { type: "confedSequence", asns: [65001] },
        { type: "confedSet", asns: [65002] },
      ],
    },
    from: internalPeer,
  },
  {
    name: "MULTI_EXIT_DISC",
    codes: [4],
    bytes: emptyBytes + attribute(0x80, 4, "ffffffff"),
    value: { ...empty, med: 0xffffffff },
  },
  {
    name: "LOCAL_PREF",
    codes: [5],
    bytes: emptyBytes + attribute(0x40, 5, "00000064"),
    value: { ...empty, localPref: 100 },
    from: internalPeer,
  },
  {
    name: "ATOMIC_AGGREGATE",
    codes: [6],
    bytes: emptyBytes + attribute(0x40, 6, ""),
    value: { ...empty, atomicAggregate: true },
  },
  {
    name: "AGGREGATOR",
    codes: [7],
    bytes: emptyBytes + attribute(0xc0, 7, "fa56ea00 c0000201"),
    value: { ...empty, aggregator: { asn: 4_200_000_000, address: 0xc0000201 } },
  },
  {
    name: "COMMUNITIES (RFC 1997)",
    codes: [8],
    bytes: emptyBytes + attribute(0xc0, 8, "fde90001 ffffff01"),
    value: { ...empty, communities: [0xfde90001, 0xffffff01] },
  },
  {
    name: "ORIGINATOR_ID (RFC 4456 §8)",
    codes: [9],
    bytes: emptyBytes + attribute(0x80, 9, "c0000201"),
    value: { ...empty, originatorId: 0xc0000201 },
    from: internalPeer,
  },
  {
    name: "CLUSTER_LIST (RFC 4456 §8)",
    codes: [10],
    bytes: emptyBytes + attribute(0x80, 10, "c0000201 c0000202"),
    value: { ...empty, clusterList: [0xc0000201, 0xc0000202] },
    from: internalPeer,
  },
  {
    name: "extended communities (RFC 4360 §2)",
    codes: [16],
    bytes: emptyBytes + attribute(0xc0, 16, "0002fde900000064 8006000000000000"),
    value: { ...empty, extendedCommunities: ["0002fde900000064", "8006000000000000"] },
  },
  {
    name: "ONLY_TO_CUSTOMER (RFC 9234 §5)",
    codes: [35],
    bytes: emptyBytes + attribute(0xc0, 35, "fa56ea00"),
    value: { ...empty, onlyToCustomer: 4_200_000_000 },
  },
  {
    name: "large communities (RFC 8092 §3)",
    codes: [32],
    bytes: emptyBytes + attribute(0xc0, 32, "fa56ea00 00000001 ffffffff"),
    value: { ...empty, largeCommunities: [[4_200_000_000, 1, 0xffffffff]] },
  },
  {
    name: "an unknown optional transitive attribute between those that we know",
    codes: [],
    bytes:
      emptyBytes + attribute(0xc0, 8, "fde90001") + attribute(0xe0, 30, "0102") + attribute(0xc0, 32, "00".repeat(12)),
    value: {
      ...empty,
      communities: [0xfde90001],
      unknown: [{ code: 30, flags: 0xe0, value: hex("0102") }],
      largeCommunities: [[0, 0, 0]],
    },
  },
  {
    name: "AS_PATH and AS4_PATH for a two-octet peer (RFC 6793 §4.2.2)",
    codes: [2, 17],
    bytes:
      attribute(0x40, 1, "00") + attribute(0x40, 2, "0202 fde9 5ba0") + attribute(0xc0, 17, "0202 0000fde9 fa56ea00"),
    value: { ...empty, asPath: [sequence(65001, 4_200_000_000)] },
    from: twoOctetPeer,
  },
  {
    name: "AGGREGATOR and AS4_AGGREGATOR for a two-octet peer",
    codes: [7, 18],
    bytes: emptyBytes + attribute(0xc0, 7, "5ba0 c0000201") + attribute(0xc0, 18, "fa56ea00 c0000201"),
    value: { ...empty, aggregator: { asn: 4_200_000_000, address: 0xc0000201 } },
    from: twoOctetPeer,
  },
  {
    name: "a path of small AS numbers alone for a two-octet peer",
    codes: [2],
    bytes: attribute(0x40, 1, "00") + attribute(0x40, 2, "0201 fde9"),
    value: { ...empty, asPath: [sequence(65001)] },
    from: twoOctetPeer,
  },
];

describe("decodeAttributes and encodeAttributes", () => {
  for (const { name, bytes, value, from = externalPeer } of rows) {
    it(`decodes ${name}`, () => {
      expect(decodeAttributes(hex(bytes), from)).toMatchObject({ attributes: value, faults: [], missing: [] });
    });
    it(`encodes ${name}`, () => expect(encodeAttributes(value, null, from).toHex()).toBe(hex(bytes).toHex()));
  }

  it("carries NEXT_HOP beside the attributes", () => {
    const bytes = emptyBytes + attribute(0x40, 3, "c0000201");
    expect(encodeAttributes(empty, address("192.0.2.1"), externalPeer).toHex()).toBe(hex(bytes).toHex());
    expect(decodeAttributes(hex(bytes), externalPeer)).toMatchObject({
      nextHop: address("192.0.2.1"),
      attributes: empty,
    });
  });

  for (const row of attributeRows) {
    it(`have a row of this test for ${row.name}`, () => {
      const isCovered = row.name === "nextHop" || rows.some(({ codes }) => codes.includes(row.code));
      expect(isCovered).toBe(true);
    });
  }

  it("uses two bytes of length above 255 bytes, and reads them", () => {
    const value: PathAttributes = { ...empty, communities: Array.from({ length: 64 }, (_, i) => i) };
    const bytes = encodeAttributes(value, null, externalPeer);
    expect(bytes.subarray(7, 11).toHex()).toBe("d0080100");
    expect(decodeAttributes(bytes, externalPeer)).toMatchObject({ attributes: value });
  });

  it("splits a sequence of more than 255 ASes", () => {
    const asns = Array.from({ length: 300 }, (_, i) => i + 1);
    const bytes = encodeAttributes({ ...empty, asPath: [sequence(...asns)] }, null, externalPeer);
    const asPath = [sequence(...asns.slice(0, 255)), sequence(...asns.slice(255))];
    expect(decodeAttributes(bytes, externalPeer)).toMatchObject({ attributes: { asPath } });
  });

  it("sends no empty list, which would be malformed", () => {
    const value: PathAttributes = { ...empty, communities: [], clusterList: [], largeCommunities: [] };
    expect(encodeAttributes(value, null, externalPeer).toHex()).toBe(hex(emptyBytes).toHex());
  });

  it("sets the partial bit of what it passes on without understanding it (RFC 4271 §5)", () => {
    const decoded = decodeAttributes(hex(emptyBytes + attribute(0xc0, 99, "01")), externalPeer);
    expect(decoded).toMatchObject({ attributes: { unknown: [{ code: 99, flags: 0xe0 }] } });
  });

  it("drops what is unknown and not transitive (RFC 4271 §5)", () => {
    const decoded = decodeAttributes(hex(emptyBytes + attribute(0x80, 99, "01")), externalPeer);
    expect(decoded).toMatchObject({ attributes: empty, faults: [] });
    expect(decoded).not.toHaveProperty("attributes.unknown");
  });

  it("drops repeated large communities (RFC 8092 §5)", () => {
    const one = "0000000100000002 00000003";
    const decoded = decodeAttributes(hex(emptyBytes + attribute(0xc0, 32, one + one)), externalPeer);
    expect(decoded).toMatchObject({ attributes: { largeCommunities: [[1, 2, 3]] } });
  });
});

describe("merging AS4_PATH (RFC 6793 §4.2.3)", () => {
  const trans = 23456;
  const merges: { name: string; path: AsPathSegment[]; path4: AsPathSegment[]; merged: AsPathSegment[] }[] = [
    {
      name: "keeps what two-octet speakers put in front",
      path: [sequence(65001, 65002, trans)],
      path4: [sequence(4_200_000_000)],
      merged: [sequence(65001, 65002, 4_200_000_000)],
    },
    {
      name: "ignores one that is longer than AS_PATH",
      path: [sequence(65001)],
      path4: [sequence(65002, 4_200_000_000)],
      merged: [sequence(65001)],
    },
    {
      name: "counts a set as one",
      path: [sequence(65001), set(65002, 65003, trans)],
      path4: [set(65002, 65003, 4_200_000_000)],
      merged: [sequence(65001), set(65002, 65003, 4_200_000_000)],
    },
    {
      name: "takes a set whole from the front",
      path: [set(65001, 65002), sequence(65003, trans)],
      path4: [sequence(65003, 4_200_000_000)],
      merged: [set(65001, 65002), sequence(65003, 4_200_000_000)],
    },
    {
      name: "drops confederation segments of AS4_PATH and uses the rest",
      path: [sequence(65001, trans)],
      path4: [{ type: "confedSequence", asns: [65009] }, sequence(4_200_000_000)],
      merged: [sequence(65001, 4_200_000_000)],
    },
  ];
  for (const { name, path, path4, merged } of merges) {
    it(name, () => {
      const bytes =
        attribute(0x40, 1, "00") + attribute(0x40, 2, segments(path, 2)) + attribute(0xc0, 17, segments(path4, 4));
      expect(decodeAttributes(hex(bytes), twoOctetPeer)).toMatchObject({ attributes: { asPath: merged } });
    });
  }

  it("ignores both AS4 attributes when AGGREGATOR has an AS number of its own", () => {
    const bytes =
      attribute(0x40, 1, "00") +
      attribute(0x40, 2, "0201 5ba0") +
      attribute(0xc0, 7, "fde9 c0000201") +
      attribute(0xc0, 17, "0201 fa56ea00") +
      attribute(0xc0, 18, "fa56ea00 c0000202");
    const attributes = { asPath: [sequence(trans)], aggregator: { asn: 65001, address: 0xc0000201 } };
    expect(decodeAttributes(hex(bytes), twoOctetPeer)).toMatchObject({ attributes });
  });
});

function segments(path: readonly AsPathSegment[], asnBytes: 2 | 4): string {
  const types = ["", "set", "sequence", "confedSequence", "confedSet"];
  const words = path.map(({ type, asns }) => {
    const head = Uint8Array.of(types.indexOf(type), asns.length).toHex();
    return head + asns.map((asn) => asn.toString(16).padStart(asnBytes * 2, "0")).join("");
  });
  return words.join("");
}
