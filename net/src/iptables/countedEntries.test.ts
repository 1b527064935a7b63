import { describe, expect, it } from "vitest";
import { setU16, setU32 } from "../netlink/bytes.ts";
import { decodeCountedEntries, entriesRequest, entriesSize, infoRequest } from "./countedEntries.ts";

/** An entry of IPv4: its target's name, what stands in it, and perhaps a comment before. */
interface Entry {
  readonly target: string;
  readonly error?: string;
  readonly comment?: string;
  readonly packets?: number;
  readonly verdict?: number;
}

function named(size: number, name: string, data: string): Uint8Array {
  const bytes = new Uint8Array(size);
  setU16(bytes, 0, size);
  bytes.set(Buffer.from(name), 2);
  bytes.set(Buffer.from(data), 32);
  return bytes;
}

function entryBytes({ target, error = "", comment, packets = 0, verdict }: Entry): Uint8Array {
  const head = new Uint8Array(112);
  const matches = comment === undefined ? new Uint8Array(0) : named(288, "comment", comment);
  const end = named(64, target, error);
  if (verdict !== undefined) setU32(end, 32, verdict);
  setU16(head, 88, head.length + matches.length);
  setU16(head, 90, head.length + matches.length + end.length);
  setU32(head, 96, packets);
  return Buffer.concat([head, matches, end]);
}

function table(entries: readonly Entry[]): { info: Uint8Array; answer: Uint8Array } {
  const all = Buffer.concat(entries.map(entryBytes));
  const info = infoRequest("filter");
  setU32(info, 32, 1 << 1); // INPUT alone, which begins with the first entry.
  setU32(info, 80, all.length);
  const answer = entriesRequest("filter", entriesSize(info));
  answer.set(all, 40);
  return { info, answer };
}

const policy: Entry = { target: "", verdict: -2 >>> 0 }; // NF_ACCEPT
/** Where BRDL-one's first rule stands: behind a rule with a comment, a policy and the entry with its name. */
const one = 464 + 176 + 176;
const filter = table([
  { target: "", comment: "to ours", packets: 7, verdict: one },
  policy,
  { target: "ERROR", error: "BRDL-one" },
  { target: "", comment: "first", packets: 3 },
  // It has no target, and goes on with the entry behind it.
  { target: "", packets: 2 ** 32 - 1, verdict: one + 464 + 176 },
  policy,
  { target: "ERROR", error: "BRDL-none" },
  policy,
  { target: "ERROR", error: "ERROR" },
]);

describe("the entries of a table", () => {
  it("are the rules of its chains, without what ends each", () => {
    expect(decodeCountedEntries(filter, 4, () => true)).toEqual([
      { chain: "INPUT", comment: "to ours", packets: 7, leadsTo: "BRDL-one" },
      { chain: "BRDL-one", comment: "first", packets: 3 },
      { chain: "BRDL-one", comment: "", packets: 2 ** 32 - 1 },
    ]);
  });
  it("are told of some chains alone", () => {
    expect(decodeCountedEntries(filter, 4, (chain) => chain === "BRDL-one")?.map(({ packets }) => packets)).toEqual([
      3,
      2 ** 32 - 1,
    ]);
  });
  it("are none where they are cut within one", () => {
    const { info, answer } = filter;
    for (const length of [41, 100, 200, 1_000]) {
      expect(decodeCountedEntries({ info, answer: answer.subarray(0, length) }, 4, () => true)).toBeNull();
    }
    expect(decodeCountedEntries({ info, answer: new Uint8Array(400) }, 4, () => true)).toBeNull();
  });
});
