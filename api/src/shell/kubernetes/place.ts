/** The object that holds a key. */
import type { ApiObject, Reading, Source } from "../../kubernetes/source.ts";
import type { Key, Kind } from "../../store/store.ts";
import type { Objects } from "./objects.ts";

export interface Found<K extends Kind> {
  readonly object: ApiObject;
  readonly reading: Reading<K>;
}

/** The object that holds the key; failing that what stands in its place: the leftover of a deletion, another key. */
export async function findObject<K extends Kind>(
  key: Key<K>,
  source: Source<K>,
  objects: Objects,
): Promise<Found<K> | null> {
  let instead: Found<K> | null = null;
  for (const name of source.locate(key)) {
    const object = await objects.get(source.resource, name);
    if (!object) continue;
    const found = { object, reading: source.read(object) };
    if (holds(found.reading, key)) return found;
    instead ??= found;
  }
  return instead;
}

export function holds(reading: Reading, key: Key): boolean {
  return reading.type !== "absent" && reading.key.name === key.name && reading.key.namespace === key.namespace;
}
