/** What two lists of texts have that the other lacks, each text as often as it is more often in one of them. */
export interface TextChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** Where the lists go apart, so far ahead one is looked for the other's place. */
const lookaheadMax = 32;

/**
 * Quick for lists that are alike, in the same order: what stands at the same place is only compared. Some that were put
 * in or taken out move all behind them, so the places are found again; in lists in another order they are not, and
 * nothing is lost by that but time.
 */
export function textChanges(before: readonly string[], after: readonly string[]): TextChanges {
  const removed: string[] = [];
  const added: string[] = [];
  let looks = before.length + after.length;
  let [i, j] = [0, 0];
  while (i < before.length && j < after.length) {
    if (before[i] === after[j]) {
      i += 1;
      j += 1;
      continue;
    }
    const [skipped, inserted] = looks > 0 ? placesAhead(before, after, i, j) : [1, 1];
    looks -= 3 * Math.max(skipped, inserted);
    for (let end = i + skipped; i < end; i++) removed.push(before[i] ?? "");
    for (let end = j + inserted; j < end; j++) added.push(after[j] ?? "");
  }
  for (; i < before.length; i++) removed.push(before[i] ?? "");
  for (; j < after.length; j++) added.push(after[j] ?? "");
  return withoutCommon({ added, removed });
}

/** How many to pass over in each until they are alike again: few, or one of each where nothing is found. */
function placesAhead(before: readonly string[], after: readonly string[], i: number, j: number): [number, number] {
  for (let ahead = 1; ahead <= lookaheadMax; ahead++) {
    if (before[i + ahead] !== undefined && before[i + ahead] === after[j + ahead]) return [ahead, ahead];
    if (before[i + ahead] === after[j]) return [ahead, 0];
    if (before[i] === after[j + ahead]) return [0, ahead];
  }
  return [1, 1];
}

/** What was moved is in both. */
function withoutCommon({ added, removed }: TextChanges): TextChanges {
  if (added.length === 0 || removed.length === 0) return { added, removed };
  const counts = new Map<string, number>();
  for (const text of removed) counts.set(text, (counts.get(text) ?? 0) + 1);
  const isOnlyAdded = (text: string): boolean => {
    const count = counts.get(text) ?? 0;
    if (count > 0) counts.set(text, count - 1);
    return count === 0;
  };
  const onlyAdded = added.filter(isOnlyAdded);
  return { added: onlyAdded, removed: [...counts].flatMap(([text, count]) => new Array<string>(count).fill(text)) };
}
