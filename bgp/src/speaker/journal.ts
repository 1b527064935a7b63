/** The last transitions of a peer. Attempts that fail like those before them take no room from what came before. */
import type { JournalEntry } from "../control.ts";

/** No burden with thousands of peers. */
export const journalEntriesMax = 50;
/** The steps of the longest attempt: dialled, OPEN, its answer, the end. */
const stepsMax = 4;

/**
 * With one more. An attempt all of whose steps were those of the attempt before is counted there (`again`); how a session
 * began or was lost stands by itself, however often.
 */
export function journalWith(journal: readonly JournalEntry[], entry: JournalEntry): readonly JournalEntry[] {
  const all = [...journal, entry];
  for (let steps = 1; steps <= stepsMax; steps++) {
    const [before, now] = [all.slice(-2 * steps, -steps), all.slice(-steps)];
    if (before.length === steps && before.every((each, i) => isRepeated(each, now[i])))
      return trimmed([...all.slice(0, -2 * steps), ...before.map((each, i) => repeated(each, now[i] ?? each))]);
  }
  return trimmed(withinBounds(all));
}

/** No longer than it has entries: what is spread into an array leaves room behind it for a dozen more. */
function trimmed(journal: readonly JournalEntry[]): readonly JournalEntry[] {
  return journal.slice();
}

/**
 * Attempts go first that failed since, each in words of its own as with a count that grows: how a session came and went
 * is what is asked for in the morning.
 */
function withinBounds(all: readonly JournalEntry[]): readonly JournalEntry[] {
  if (all.length <= journalEntriesMax) return all;
  const isFull = all.filter(isOfSession).length > journalEntriesMax / 2;
  return all.toSpliced(isFull ? 0 : all.findIndex((each) => !isOfSession(each)), 1);
}

function isOfSession({ from, to }: JournalEntry): boolean {
  return from === "established" || to === "established";
}

function isRepeated(entry: JournalEntry, later: JournalEntry | undefined): boolean {
  const { from, to, reason } = entry;
  if (isOfSession(entry)) return false;
  return later?.from === from && later.to === to && later.reason === reason;
}

function repeated(entry: JournalEntry, { atMs, again }: JournalEntry): JournalEntry {
  const count = (entry.again?.count ?? 0) + 1 + (again?.count ?? 0);
  return { ...entry, again: { count, lastMs: again?.lastMs ?? atMs } };
}
