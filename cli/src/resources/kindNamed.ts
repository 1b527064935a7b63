import { findKind, findReadableKind, nearest, type ReadableKind, type ResourceKind, readableKinds } from "@brindle/api";
import { usage } from "../error.ts";

/** The kind that a person typed, which may be written. */
export function kindNamed(word: string): ResourceKind {
  const readable = readableKindNamed(word);
  const kind = findKind(word);
  if (kind) return kind;
  throw usage(`${readableKinds[readable].plural} are written by address management alone`);
}

/** The kind that a person typed, to read. */
export function readableKindNamed(word: string): ReadableKind {
  const kind = findReadableKind(word);
  if (kind) return kind;
  const meant = nearest(
    word,
    // Not the aliases: to two or three letters everything short is near.
    Object.values(readableKinds).flatMap((known) => [known.kind.toLowerCase(), known.plural]),
  );
  const all = Object.values(readableKinds).map(({ plural }) => plural);
  throw usage(`there is no kind "${word}"${meant ? `; did you mean ${meant}?` : `; there are ${all.join(", ")}`}`);
}
