import { describe, expect, it } from "vitest";
import { headerBlock, readHeaderBlock } from "./headerBlock.ts";
import { unpackedText } from "./huffman.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

describe("packed text", () => {
  // RFC 7541, C.4 and C.6.
  it.each([
    ["f1e3 c2e5 f23a 6ba0 ab90 f4ff", "www.example.com"],
    ["25a8 49e9 5ba9 7d7f", "custom-key"],
    ["6402", "302"],
    ["d07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff", "Mon, 21 Oct 2013 20:13:21 GMT"],
    ["9d29 ad17 1863 c78f 0b97 c8e9 ae82 ae43 d3", "https://www.example.com"],
    [
      "94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
      "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
    ],
  ])("%s is read", (packed, text) => {
    expect(unpackedText(hex(packed))).toBe(text);
  });

  it.each([
    ["a whole octet of padding", "6402 ff"],
    ["padding of zeros", "18"],
    ["the code of the end of text", "ffff ffff"],
    ["characters that no header has", "ffff feaf"],
  ])("%s is refused", (_what, packed) => {
    expect(unpackedText(hex(packed))).toBeNull();
  });
});

describe("a block of headers", () => {
  it("is read as it was written, however long", () => {
    const fields = [
      [":path", "/a"],
      ["token", "x".repeat(20_000)],
      ["short", ""],
      ["just", "y".repeat(127)],
    ] as const;
    expect([...(readHeaderBlock(headerBlock(fields)) ?? [])]).toEqual(fields);
  });

  it("forbids everybody on the way to keep a token, and nothing else", () => {
    const forms = [["te", "trailers"] as const, ["token", "s"] as const].map((field) => headerBlock([field])[0]);
    expect(forms).toEqual([0x00, 0x10]);
  });

  it("is read in each form that uses no table of its own", () => {
    const status = hex("88");
    const literalWithIndexedName = hex("48 03 353030"); // :status 500, to be kept
    const neverIndexed = hex("10 01 61 01 62");
    const noTable = hex("20");
    expect([...(readHeaderBlock(Buffer.concat([noTable, status, neverIndexed])) ?? [])]).toEqual([
      [":status", "200"],
      ["a", "b"],
    ]);
    expect(readHeaderBlock(literalWithIndexedName)?.get(":status")).toBe("500");
  });

  it.each([
    ["a field of a table that we do not keep", "be"],
    ["a name of it", "7e 01 61"],
    ["a table where we allow none", "3f e1 1f"],
    ["index 0", "80"],
    ["a text that is cut off", "00 01 61 05 62"],
    ["a number without end", "ff ff ff ff ff ff ff"],
    ["a field without its value", "00 01 61"],
  ])("with %s is refused", (_what, block) => {
    expect(readHeaderBlock(hex(block))).toBeNull();
  });
});
