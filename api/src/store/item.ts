import type { Item, Kind } from "./store.ts";

/** Tells the compiler of which kind an item is that a watch of several kinds told of. */
export function isItemOf<K extends Kind>(item: Item, kind: K): item is Item<K> {
  return item.key.kind === kind;
}
