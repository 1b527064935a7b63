/**
 * Header text as HPACK packs it (RFC 7541 appendix B). The code is canonical: of one length, codes follow each other in the order of
 * the characters, and each length begins behind the one before; so the characters of each length say all of it.
 */

/** What may stand in a header's value, and NUL, whose code lies among theirs; all other codes are longer. */
const charactersByLength: readonly (readonly [bits: number, characters: string])[] = [
  [5, "012aceiost"],
  [6, " %-./3456789=A_bdfghlmnpru"],
  [7, ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"],
  [8, "&*,;XZ"],
  [10, '!"()?'],
  [11, "'+|"],
  [12, "#>"],
  [13, "\0$@[]~"],
  [14, "^}"],
  [15, "<`{"],
  [19, "\\"],
];
const bitsMax = 19;

/** By length and code in one number: the code with a one before it. */
const characterOf: ReadonlyMap<number, string> = codes();

function codes(): Map<number, string> {
  const found = new Map<number, string>();
  let code = 0;
  let length = 0;
  for (const [bits, characters] of charactersByLength) {
    code <<= bits - length;
    length = bits;
    for (const character of characters) found.set((1 << bits) | code++, character);
  }
  return found;
}

/** `null` for what is no text of printable ASCII, or ends otherwise than §5.2 has it: with less than eight ones. */
export function unpackedText(packed: Uint8Array): string | null {
  let text = "";
  let read = 1;
  for (const octet of packed) {
    for (let bit = 7; bit >= 0; bit--) {
      read = (read << 1) | ((octet >> bit) & 1);
      const character = characterOf.get(read);
      if (character !== undefined) {
        text += character;
        read = 1;
      } else if (read >> bitsMax !== 0) return null;
    }
  }
  const isPadding = (read & (read + 1)) === 0 && read < 1 << 8;
  return isPadding ? text : null;
}
