import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { formatJson, parseJson, withoutNullMembers } from "./json.ts";

const same: { name: string; text: string }[] = [
  { name: "a sequence number past 2^53", text: '{"sequenceNumber":1767225600000000001}' },
  { name: "the greatest and the least 64-bit integers", text: "[9223372036854775807,-9223372036854775808]" },
  { name: "an unsigned 64-bit integer", text: "18446744073709551615" },
  { name: "small integers, fractions and exponents as Go writes them", text: "[0,-1,5.5,1e-7,1e+21]" },
  { name: "nulls in a list", text: '{"allocations":[0,null]}' },
  { name: "characters that Go escapes for HTML", text: '"a \\u0026\\u0026 b \\u003c \\u003e \\u2028\\u2029"' },
  { name: "quotes and control characters", text: '"\\"\\\\\\n\\t\\u0001"' },
  { name: "digits in a string that only look like a number", text: '{"uid":"12345678901234567890","hash":"1e999"}' },
  { name: "the order of the members", text: '{"b":1,"a":{"d":[],"c":{}}}' },
  { name: "ordinals in the order of their text", text: '{"1":1,"10":2,"2":3}' },
];

const past = 9007199254740993n;

describe("parseJson and formatJson", () => {
  for (const { name, text } of same) {
    it(`keep ${name}`, () => assert.equal(formatJson(parseJson(text)), text));
  }

  it("make a bigint only of what a number would round", () => {
    assert.deepEqual(parseJson("[9007199254740991,9007199254740993,0.1234567890123456789]"), [
      9007199254740991,
      9007199254740993n,
      0.12345678901234568,
    ]);
  });

  it("make it wherever the number stands", () => {
    for (const text of [`${past}`, ` ${past}`, `[ ${past}]`, `[1,\n${past}]`, `{"a": -${past}}`]) {
      assert.equal(formatJson(parseJson(text)), text.replace(/\s/g, ""));
    }
  });

  it("refuse a number that would become infinite", () => {
    assert.throws(() => parseJson('{"a":1e400}'), SyntaxError);
    assert.throws(() => parseJson("1".repeat(400).concat("e0")), SyntaxError);
    assert.throws(() => formatJson({ a: { b: [Number.NaN] } }), /a\.b\[0\] is NaN/);
  });

  it("leave out members that are undefined", () => {
    assert.equal(formatJson({ a: undefined, b: [undefined, 1] }), '{"b":[null,1]}');
  });
});

describe("withoutNullMembers", () => {
  it("drops null members at every depth and keeps nulls in lists", () => {
    assert.deepEqual(withoutNullMembers({ a: null, b: { c: null, d: [null, { e: null }] } }), { b: { d: [null, {}] } });
  });
});
