/** Rules as argument lists and as the lines that iptables-restore reads and iptables-save writes. */
import assert from "node:assert/strict";

/** The arguments of a rule without chain: ["-s", "10.0.0.0/8", "-j", "ACCEPT"]. */
export type RuleArguments = readonly string[];

/** iptables-restore reads lines into a buffer of this size, its NUL included. */
export const lineBytesMax = 10_239;

/** One line of words, quoted where the reader would split them. */
export function formatWords(words: RuleArguments): string {
  let line = "";
  for (const word of words) line += line === "" ? quoteWord(word) : ` ${quoteWord(word)}`;
  // A character is three bytes at most, or two that are four.
  const isShort = line.length * 3 <= lineBytesMax;
  assert(
    isShort || Buffer.byteLength(line) <= lineBytesMax,
    `a rule has at most ${lineBytesMax} bytes: ${line.slice(0, 100)}…`,
  );
  return line;
}

/** The words of a line, or `null` when a quote is left open. */
export function splitWords(line: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  let isQuoted = false;
  for (let i = 0; i < line.length; i++) {
    const character = line.charAt(i);
    if (character === '"') {
      isQuoted = !isQuoted;
      word ??= ""; // "" is a word.
    } else if (isQuoted && character === "\\" && i + 1 < line.length) {
      i += 1;
      word = (word ?? "") + line.charAt(i);
    } else if (!isQuoted && (character === " " || character === "\t")) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word = (word ?? "") + character;
    }
  }
  if (isQuoted) return null;
  if (word !== null) words.push(word);
  return words;
}

/** What nearly all words are: printable, and nothing in them that the reader takes for more than a character. */
const plainWord = /^[!$%&(-[\]-~]+$/;

function quoteWord(word: string): string {
  if (plainWord.test(word)) return word;
  // There is no way to write these inside a line; such a rule is a bug of whoever made it.
  assert(!/[\n\r\0]/.test(word), `a rule's argument is one line: ${JSON.stringify(word)}`);
  if (word !== "" && !/[\s"'\\#]/.test(word)) return word;
  return `"${word.replaceAll(/["\\]/g, "\\$&")}"`;
}
