import { describe, expect, it } from "vitest";
import { readRangeAnswer } from "./rangeAnswer.ts";

function varint(value: bigint): number[] {
  return value < 128n ? [Number(value)] : [Number(value & 127n) | 128, ...varint(value >> 7n)];
}
function number(field: number, value: bigint): Buffer {
  return Buffer.from([...varint(BigInt(field << 3)), ...varint(value)]);
}
function bytes(field: number, value: Buffer | string): Buffer {
  const content = Buffer.from(value);
  return Buffer.concat([
    Buffer.from([...varint(BigInt((field << 3) | 2)), ...varint(BigInt(content.length))]),
    content,
  ]);
}
/** Of wire types that etcd's own messages do not have. */
const unknown = Buffer.from([(9 << 3) | 1, 1, 2, 3, 4, 5, 6, 7, 8, (10 << 3) | 5, 1, 2, 3, 4]);

function keyValue(key: Buffer | string, value: string, revision: bigint): Buffer {
  const members = [bytes(1, key), number(2, 5n), number(3, revision), number(4, 1n), bytes(5, value), number(6, 0n)];
  return Buffer.concat([...members, unknown, bytes(12, "later")]);
}
const header = Buffer.concat([
  number(1, 14_841_639_068_965_178_418n),
  number(2, 1n),
  number(3, 9_007_199_254_740_993n),
  number(4, 7n),
]);
const members = [
  bytes(1, header),
  bytes(2, keyValue("/calico/a", '{"name":"é"}', 12n)),
  unknown.subarray(0, 9),
  unknown.subarray(9),
  bytes(2, keyValue("/calico/b", "", 3_000_000_000n)),
  number(3, 1n),
  number(4, 20_000n),
];
const message = Buffer.concat(members);

describe("readRangeAnswer", () => {
  it("reads what is there, and numbers beyond 2^53 as they are", () => {
    expect(readRangeAnswer(message)).toEqual({
      header: { cluster_id: "14841639068965178418", raft_term: "7", revision: "9007199254740993" },
      entries: [
        { key: "/calico/a", text: '{"name":"é"}', revision: "12" },
        { key: "/calico/b", text: "", revision: "3000000000" },
      ],
      lastKey: Buffer.from("/calico/b"),
      more: true,
    });
  });

  it("reads an answer without keys", () => {
    expect(readRangeAnswer(bytes(1, number(3, 4n)))).toEqual({
      header: { cluster_id: "0", raft_term: "0", revision: "4" },
      entries: [],
      lastKey: null,
      more: false,
    });
  });

  it("has the last key as it was written, though it is no text", () => {
    const key = Buffer.from([0x2f, 0xff, 0xfe]);
    const answer = Buffer.concat([bytes(1, header), bytes(2, keyValue(key, "", 1n))]);
    expect(readRangeAnswer(answer).lastKey).toEqual(key);
  });

  it("refuses what ends anywhere but behind a whole member, and then has what was whole", () => {
    const behind = members.map((_, index) => Buffer.concat(members.slice(0, index + 1)).length);
    for (let length = 0; length < message.length; length++) {
      const cut = message.subarray(0, length);
      if (!behind.includes(length)) {
        expect(() => readRangeAnswer(cut), `${length} bytes`).toThrow(RangeError);
        continue;
      }
      const { entries, ...rest } = readRangeAnswer(cut);
      expect(entries).toEqual(readRangeAnswer(message).entries.slice(0, entries.length));
      expect(entries).toHaveLength(behind.indexOf(length) < 1 ? 0 : behind.indexOf(length) < 4 ? 1 : 2);
      expect(rest.header).toEqual(readRangeAnswer(message).header);
    }
    expect(() => readRangeAnswer(Buffer.from([3]))).toThrow("wire type 3");
  });

  it("refuses what does not say at which revision it is, rather than take it for a listing without entries", () => {
    const entry = bytes(2, keyValue("/calico/a", "", 1n));
    for (const answer of [Buffer.of(), bytes(1, ""), bytes(1, number(1, 5n)), entry, number(3, 0n)]) {
      expect(() => readRangeAnswer(answer)).toThrow("revision");
    }
  });

  it("refuses members that reach beyond the entry, or the header, that they are in", () => {
    const whole = bytes(2, keyValue("/calico/b", "text", 2n));
    const beyond = [
      Buffer.from([(1 << 3) | 2, 9, 47]), // A key of nine bytes, of which one is in the entry.
      Buffer.from([(5 << 3) | 2, 9, 47]),
      Buffer.from([(12 << 3) | 2, 9, 47]),
      Buffer.from([(3 << 3) | 0, 0x80]),
      Buffer.from([(9 << 3) | 1, 1]),
      Buffer.from([(10 << 3) | 5, 1]),
    ];
    for (const member of beyond) {
      const inEntry = Buffer.concat([bytes(1, header), bytes(2, member), whole]);
      expect(() => readRangeAnswer(inEntry), member.toString("hex")).toThrow(RangeError);
      const inHeader = Buffer.concat([bytes(1, Buffer.concat([header, member.subarray(0, 1)])), whole]);
      expect(() => readRangeAnswer(inHeader), member.toString("hex")).toThrow(RangeError);
    }
  });
});
