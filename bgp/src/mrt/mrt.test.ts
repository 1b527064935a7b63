import { formatPrefix } from "@brindle/net";
import { describe, expect, it } from "vitest";
import { peerOf, SimulatedNetwork, speakerOf } from "../speaker/testing.ts";
import { decodeAttributes } from "../wire/attributesDecoder.ts";
import { address } from "../wire/testing.ts";
import { formatAsPath } from "../wire/text.ts";
import { encodeMrt } from "./encodeMrt.ts";
import { readMrt } from "./readMrt.ts";
import type { MrtRecord, MrtSession } from "./record.ts";

const session: MrtSession = {
  atMs: 1_700_000_000_000,
  hasMicroseconds: false,
  fourOctetAs: true,
  peerAsn: 4_200_000_001,
  localAsn: 64512,
  interfaceIndex: 7,
  peerAddress: address("192.0.2.1"),
  localAddress: address("192.0.2.2"),
};
const overV6 = { ...session, peerAddress: address("fd00::1"), localAddress: address("fd00::2") };
const bytes = Uint8Array.from({ length: 19 }, (_, i) => i);

const records: { name: string; record: MrtRecord; type: number; subtype: number }[] = [
  { name: "a message", record: { kind: "message", ...session, bytes, isLocal: false }, type: 16, subtype: 4 },
  {
    name: "a message that was sent",
    record: { kind: "message", ...overV6, bytes, isLocal: true },
    type: 16,
    subtype: 7,
  },
  {
    name: "a message with microseconds and two-octet AS numbers",
    record: {
      kind: "message",
      ...session,
      atMs: 1_700_000_000_123.456,
      hasMicroseconds: true,
      fourOctetAs: false,
      peerAsn: 64513,
      bytes,
      isLocal: false,
    },
    type: 17,
    subtype: 1,
  },
  { name: "a state change", record: { kind: "stateChange", ...overV6, from: 6, to: 1 }, type: 16, subtype: 5 },
  {
    name: "a list of peers",
    record: {
      kind: "peerIndex",
      atMs: 1_700_000_000_000,
      collectorBgpId: 0xc0000201,
      viewName: "main",
      peers: [
        { bgpId: 1, address: address("192.0.2.1"), asn: 64512 },
        { bgpId: 2, address: address("fd00::1"), asn: 4_200_000_001 },
      ],
    },
    type: 13,
    subtype: 1,
  },
  {
    name: "routes of a prefix",
    record: {
      kind: "rib",
      atMs: 1_700_000_000_000,
      sequence: 5,
      prefix: { address: address("2001:db8::"), length: 33 },
      entries: [{ peer: 1, originatedAt: 1_700_000_000, attributes: bytes }],
    },
    type: 13,
    subtype: 4,
  },
  {
    name: "the default route, which has no bytes",
    record: { kind: "rib", atMs: 0, sequence: 0, prefix: { address: address("0.0.0.0"), length: 0 }, entries: [] },
    type: 13,
    subtype: 2,
  },
  {
    name: "what it does not know",
    record: { kind: "other", atMs: 0, type: 48, subtype: 1, bytes },
    type: 48,
    subtype: 1,
  },
];

describe("MRT (RFC 6396)", () => {
  for (const { name, record, type, subtype } of records) {
    it(`has ${name} both ways`, () => {
      const encoded = encodeMrt(record);
      const view = new DataView(encoded.buffer, encoded.byteOffset);
      expect([view.getUint16(4), view.getUint16(6), view.getUint32(8)]).toEqual([type, subtype, encoded.length - 12]);
      expect([...readMrt(encoded)]).toEqual([record]);
    });

    it(`tells of ${name} that is cut anywhere, and reads no further`, () => {
      const encoded = encodeMrt(record);
      for (let length = 1; length < encoded.length; length++) {
        expect([...readMrt(encoded.subarray(0, length))]).toMatchObject([{ kind: "fault", at: 0 }]);
      }
    });
  }

  it("reads one record after the other, up to a fault", () => {
    const whole = new Uint8Array(Buffer.concat(records.map(({ record }) => encodeMrt(record))));
    expect([...readMrt(whole)]).toEqual(records.map(({ record }) => record));
    const found = [...readMrt(whole.subarray(0, whole.length - 1))];
    expect(found.slice(0, -1)).toEqual(records.slice(0, -1).map(({ record }) => record));
    expect(found.at(-1)).toMatchObject({
      kind: "fault",
      at: whole.length - encodeMrt(records.at(-1)?.record ?? never()).length,
    });
  });

  const wrong: { name: string; change: (bytes: Uint8Array) => void; record: MrtRecord; says: RegExp }[] = [
    {
      name: "addresses of no family",
      record: { kind: "message", ...session, bytes, isLocal: false },
      change: (encoded) => encoded.set([9], 23),
      says: /AFI 9/,
    },
    {
      name: "a prefix that is too long",
      record: { kind: "rib", atMs: 0, sequence: 0, prefix: { address: address("10.0.0.0"), length: 8 }, entries: [] },
      change: (encoded) => encoded.set([33], 16),
      says: /a prefix of 33 bits/,
    },
    {
      name: "more entries than there are",
      record: { kind: "rib", atMs: 0, sequence: 0, prefix: { address: address("10.0.0.0"), length: 8 }, entries: [] },
      change: (encoded) => encoded.set([0xff, 0xff], 18),
      says: /needs 2 bytes/,
    },
  ];
  for (const { name, record, change, says } of wrong) {
    it(`refuses ${name}`, () => {
      const encoded = encodeMrt(record);
      change(encoded);
      expect([...readMrt(encoded)]).toMatchObject([{ kind: "fault", reason: expect.stringMatching(says) }]);
    });
  }
});

function never(): never {
  throw new Error("there is a last record");
}

describe("a dump of the table", () => {
  it("has all routes as they were told, used or not, and our own", () => {
    const network = new SimulatedNetwork();
    const [a, b] = [network.node("10.9.0.1"), network.node("10.9.0.2")];
    network.tell(a, { type: "configure", config: speakerOf(a, 65001, { peers: [peerOf(b.address, 65002)] }) });
    const rules = {
      4: [
        { cidr: "10.1.0.0/24", matchOperator: "In", action: "Reject" },
        { action: "Accept", operations: [{ setMED: { value: 9 } }] },
      ],
    } as const;
    const peer = peerOf(a.address, 65001, { importFilters: [{ name: "in", rules }] });
    network.tell(b, { type: "configure", config: speakerOf(b, 65002, { peers: [peer] }) });
    network.tell(a, { type: "originate", prefixes: ["10.1.0.0/24", { prefix: "10.2.0.0/24", med: 5 }, "fd00:1::/64"] });
    network.tell(b, {
      type: "originate",
      prefixes: Array.from({ length: 3000 }, (_, i) => `10.8.${i >> 8}.${i & 255}/32`),
    });
    network.run(20_000);

    const chunks: Uint8Array[] = [];
    for (let from: number | null = 1; from !== null; ) {
      const slice: { bytes: Uint8Array; next: number | null } = b.speaker.dump(from);
      chunks.push(slice.bytes);
      from = slice.next;
    }
    expect(chunks.length).toBeGreaterThan(1);
    const [index, ...rest] = readMrt(Buffer.concat(chunks));
    if (index?.kind !== "peerIndex") return expect.fail("the list of peers comes first");
    const rows = rest.flatMap((record) => {
      if (record.kind !== "rib") return expect.fail(`a ${record.kind} in a dump`);
      return record.entries.map(({ peer: at, attributes }) => {
        const told = decodeAttributes(attributes, { fourOctetAs: true, external: true, families: [4, 6] });
        const value = told.kind === "attributes" ? told.attributes : null;
        return [formatPrefix(record.prefix), index.peers[at]?.asn, formatAsPath(value?.asPath ?? []), value?.med];
      });
    });
    expect(rows.filter(([, asn]) => asn === 65001).sort()).toEqual([
      ["10.1.0.0/24", 65001, "65001", undefined],
      ["10.2.0.0/24", 65001, "65001", 5],
      ["fd00:1::/64", 65001, "65001", undefined],
    ]);
    expect(rows.filter(([, asn]) => asn === 65002)).toHaveLength(3000);
  });
});
