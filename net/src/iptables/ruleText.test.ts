import { describe, expect, it } from "vitest";
import { formatWords, splitWords } from "./ruleText.ts";

describe("formatWords and splitWords", () => {
  const rows: { name: string; words: string[]; line: string }[] = [
    { name: "leave plain words alone", words: ["-s", "10.0.0.0/8", "-j", "ACCEPT"], line: "-s 10.0.0.0/8 -j ACCEPT" },
    { name: "quote a blank", words: ["--comment", "two words"], line: '--comment "two words"' },
    { name: "keep the empty word", words: ["--comment", ""], line: '--comment ""' },
    { name: "escape a quote", words: ['say "no"'], line: '"say \\"no\\""' },
    { name: "escape a backslash", words: ["back\\slash"], line: '"back\\\\slash"' },
    { name: "quote an apostrophe", words: ["it's"], line: `"it's"` },
    { name: "quote a hash sign", words: ["#1"], line: '"#1"' },
    { name: "keep a negation as a word", words: ["!", "-d", "::1/128"], line: "! -d ::1/128" },
  ];
  for (const { name, words, line } of rows) {
    it(`${name}: ${line}`, () => {
      expect(formatWords(words)).toBe(line);
      expect(splitWords(line)).toEqual(words);
    });
  }

  it("reads what iptables-save quotes without need", () => {
    expect(splitWords('-m comment --comment "plain"  -j  RETURN')).toEqual([
      ...["-m", "comment", "--comment", "plain", "-j", "RETURN"],
    ]);
  });

  it("refuses an open quote", () => expect(splitWords('--comment "open')).toBeNull());

  for (const bad of ["two\nlines", "nul\0", "carriage\rreturn"]) {
    it(`does not write ${JSON.stringify(bad)}`, () => expect(() => formatWords([bad])).toThrow("one line"));
  }
  it("does not write a line that the reader would cut", () =>
    expect(() => formatWords(["x".repeat(10_240)])).toThrow());
});
