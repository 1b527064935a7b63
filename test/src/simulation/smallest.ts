/**
 * A part of a list that still fails, and of which nothing more can be left out: halves go first, then quarters, down to
 * single elements (delta debugging). What fails by chance may become something else on the way, which is as good.
 */
export function smallest<T>(list: readonly T[], fails: (part: readonly T[]) => boolean): readonly T[] {
  let least = list;
  for (let size = Math.ceil(list.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < least.length; ) {
      const rest = [...least.slice(0, start), ...least.slice(start + size)];
      if (fails(rest)) least = rest;
      else start += size;
    }
  }
  return least;
}
