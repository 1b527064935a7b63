/** What changes between two looks at lists of objects that never change themselves: most of a node's pods stay as they were. */
export interface ListChanges<T> {
  readonly added: readonly T[];
  readonly removed: readonly T[];
}

/** By the objects, each of which is in a list once. What is alike at the head and at the end of both is only compared. */
export function listChanges<T>(before: readonly T[], after: readonly T[]): ListChanges<T> {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head += 1;
  let end = 0;
  while (end < shorter - head && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  const former = before.slice(head, before.length - end);
  const present = after.slice(head, after.length - end);
  return { added: without(present, former), removed: without(former, present) };
}

function without<T>(items: readonly T[], others: readonly T[]): readonly T[] {
  if (items.length === 0 || others.length === 0) return items;
  const known = new Set(others);
  return items.filter((item) => !known.has(item));
}

/** Lists as they were at the last look. */
export class FollowedLists<T> {
  #lists: readonly (readonly T[])[] = [];

  /** What is in any of them and was not, and the other way round; nothing is in two. */
  update(...lists: readonly (readonly T[])[]): ListChanges<T> {
    const changes = lists.map((list, at) => listChanges(this.#lists[at] ?? [], list));
    this.#lists = lists;
    return { added: changes.flatMap(({ added }) => added), removed: changes.flatMap(({ removed }) => removed) };
  }
}

export function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
