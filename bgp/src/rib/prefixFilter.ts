/** A `RoutePolicy` made ready for the table: whether a prefix passes, told from its words. */
import { addressBits, type Family, type Prefix, parsePrefix } from "@brindle/net";
import type { RoutePolicy } from "../speaker/config.ts";
import { packPrefix } from "./packed.ts";
import type { PrefixId, PrefixTable } from "./prefixTable.ts";

interface Row {
  readonly words: readonly number[];
  readonly masks: readonly number[];
  readonly minLength: number;
  readonly maxLength: number;
}

export class PrefixFilter {
  /** `null` where everything passes. */
  readonly #rows: Readonly<Record<Family, readonly Row[]>> | null;

  /** The policy is valid: `checkConfig` has seen it. */
  constructor({ accept }: RoutePolicy) {
    if (accept === "all") {
      this.#rows = null;
      return;
    }
    const rows: Record<Family, Row[]> = { 4: [], 6: [] };
    for (const { prefix: text, minLength, maxLength } of accept) {
      const prefix = parsePrefix(text);
      if (prefix) rows[prefix.address.family].push(rowOf(prefix, { minLength, maxLength }));
    }
    this.#rows = rows;
  }

  /** Whether there is nothing to ask. */
  get passesAll(): boolean {
    return this.#rows === null;
  }

  /** Whether no prefix passes, of whatever family. */
  get passesNone(): boolean {
    return this.#rows !== null && this.#rows[4].length === 0 && this.#rows[6].length === 0;
  }

  passes(prefixes: PrefixTable, id: PrefixId): boolean {
    if (this.#rows === null) return true;
    const length = prefixes.length(id);
    return this.#rows[prefixes.family(id)].some(
      ({ words, masks, minLength, maxLength }) =>
        length >= minLength &&
        length <= maxLength &&
        words.every((word, i) => (prefixes.word(id, wordIndex(i)) & (masks[i] ?? 0)) >>> 0 === word),
    );
  }
}

/** A row takes what lies inside its prefix, so nothing shorter than it, whatever its lengths say. */
function rowOf(prefix: Prefix, { minLength, maxLength }: { minLength: number; maxLength: number }): Row {
  const bits = addressBits[prefix.address.family];
  const words = [...packPrefix(prefix).words.slice(0, bits / 32)];
  const masks = words.map((_, i) => maskOf(prefix.length - 32 * i));
  return { words, masks, minLength: Math.max(minLength, prefix.length), maxLength };
}

function maskOf(length: number): number {
  if (length <= 0) return 0;
  return length >= 32 ? 0xffffffff : (0xffffffff << (32 - length)) >>> 0;
}

function wordIndex(index: number): 0 | 1 | 2 | 3 {
  return (index & 3) as 0 | 1 | 2 | 3;
}
