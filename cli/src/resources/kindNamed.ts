import { findKind, kinds, nearest, type ResourceKind } from "@brindle/api";
import { usage } from "../error.ts";

/** The kind that a person typed. */
export function kindNamed(word: string): ResourceKind {
  const kind = findKind(word);
  if (kind) return kind;
  const meant = nearest(
    word,
    // Not the aliases: to two or three letters everything short is near.
    Object.values(kinds).flatMap((known) => [known.kind.toLowerCase(), known.plural]),
  );
  const all = Object.values(kinds).map(({ plural }) => plural);
  throw usage(`there is no kind "${word}"${meant ? `; did you mean ${meant}?` : `; there are ${all.join(", ")}`}`);
}
