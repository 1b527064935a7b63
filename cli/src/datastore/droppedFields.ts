/**
 * Which members of a document the datastore did not keep. On Kubernetes a CRD decides over that: what it does not know,
 * since a newer release wrote it, is dropped without a word.
 */

/** The paths of what is missing, as `spec.bfd`; `null` where something is there and differs. */
export function droppedFields(wanted: unknown, kept: unknown, path = ""): readonly string[] | null {
  if (kept === undefined) return [path];
  if (Array.isArray(wanted)) {
    if (!Array.isArray(kept) || kept.length !== wanted.length) return null;
    return gathered(wanted.map((entry: unknown, i) => droppedFields(entry, kept[i], `${path}[${i}]`)));
  }
  if (!isObject(wanted)) return Object.is(wanted, kept) ? [] : null;
  if (!isObject(kept) || Object.keys(kept).some((name) => !Object.hasOwn(wanted, name))) return null;
  const members = Object.entries(wanted).map(([name, value]) =>
    droppedFields(value, kept[name], path === "" ? name : `${path}.${name}`),
  );
  return gathered(members);
}

function gathered(parts: readonly (readonly string[] | null)[]): readonly string[] | null {
  const there = parts.filter((part) => part !== null);
  return there.length === parts.length ? there.flat() : null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
