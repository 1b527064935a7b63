/**
 * What of the kernel's tables is known to be as it is desired, since a plan has found so or has brought it about. A table may
 * have ten thousand chains, and a change touches a few: the others are not looked at again.
 */
import type { DesiredTable } from "../graph/desired.ts";
import type { Chain } from "../render/ir.ts";
import type { ActualTable } from "./actual.ts";

interface Noted {
  readonly desired: DesiredTable;
  /** The sets in the kernel by their base names. */
  readonly names: ReadonlyMap<string, string>;
}

const noted = new WeakMap<ActualTable, Noted>();

export function noteAsDesired(desired: DesiredTable, actual: ActualTable, names: ReadonlyMap<string, string>): void {
  noted.set(actual, { desired, names });
}

/** Whether it was noted so, of these very objects. */
export function isAsDesired(desired: DesiredTable, actual: ActualTable, names: ReadonlyMap<string, string>): boolean {
  const known = noted.get(actual);
  if (known?.desired !== desired) return false;
  if (known.names === names) return true;
  for (const base of referencesIn(desired).keys()) if (known.names.get(base) !== names.get(base)) return false;
  return true;
}

/** The chains that need be looked at, and the names of those that are to go. */
export interface Unsettled {
  readonly chains: readonly Chain[];
  readonly gone: readonly string[];
  /** The kernel's chains in which there may be hooks of ours. */
  readonly hooked: ReadonlySet<string>;
}

/** `null` where the table was not noted, or where two chains have one name. */
export function unsettledIn(
  desired: DesiredTable,
  actual: ActualTable,
  setName: (base: string) => string,
): Unsettled | null {
  const known = noted.get(actual);
  if (!known) return null;
  const { added, removed } = differenceOf(known.desired, desired);
  const left = new Set(removed.map(({ name }) => name));
  const coming = new Set(added.map(({ name }) => name));
  const isTwice = coming.size < added.length || added.some(({ name }) => actual.chains.has(name) && !left.has(name));
  if (isTwice) return null;
  const renamed = new Set<string>();
  // For each table, of a thousand sets: entries of their own were a fifth of the garbage of a change.
  known.names.forEach((name, base) => {
    if (setName(base) !== name) renamed.add(base);
  });
  return {
    chains: [...added, ...others(desired, added, renamed)],
    gone: [...left].filter((name) => !coming.has(name)),
    hooked: new Set([...known.desired.content.hooks, ...desired.content.hooks].map(({ chain }) => chain)),
  };
}

/** Chains that refer to one of these sets, beside `added`. Those that come and go with ends of pods are in these alone. */
function others(desired: DesiredTable, added: readonly Chain[], sets: ReadonlySet<string>): Chain[] {
  const inAdded = counted(added);
  const references = referencesIn(desired);
  const wanted = [...sets].filter((base) => (references.get(base) ?? 0) > (inAdded.get(base) ?? 0));
  if (wanted.length === 0) return [];
  const known = new Set(added);
  const isWanted = (chain: Chain): boolean => setsOf(chain).some((base) => sets.has(base));
  return desired.content.chains.filter((chain) => !known.has(chain) && isWanted(chain));
}

/** In the kernel, those that rules of a table refer to; `null` where it was not noted to be as desired. */
export function setsOfSettled(actual: ActualTable): ReadonlySet<string> | null {
  const known = noted.get(actual);
  return known ? new Set([...referencesIn(known.desired).keys()].map((base) => known.names.get(base) ?? base)) : null;
}

interface Difference {
  readonly of: DesiredTable;
  readonly added: readonly Chain[];
  readonly removed: readonly Chain[];
}

const differences = new WeakMap<DesiredTable, Difference>();

/** By the objects. */
function differenceOf(before: DesiredTable, after: DesiredTable): Difference {
  const known = differences.get(after);
  if (known?.of === before) return known;
  const [former, present] = [chainsOf(before), chainsOf(after)];
  const made: Difference = {
    of: before,
    added: after.content.chains.filter((chain) => !former.has(chain)),
    removed: before.content.chains.filter((chain) => !present.has(chain)),
  };
  differences.set(after, made);
  differences.delete(before); // Else each would keep all that were before it.
  const references = referencesOfTables.get(before);
  if (references) referencesOfTables.set(after, counted(made.added, references, made.removed));
  return made;
}

const chainsOfTables = new WeakMap<DesiredTable, ReadonlySet<Chain>>();

function chainsOf(table: DesiredTable): ReadonlySet<Chain> {
  const made = chainsOfTables.get(table) ?? new Set(table.content.chains);
  chainsOfTables.set(table, made);
  return made;
}

/** How many chains of a table refer to each set, by its base name. */
type References = ReadonlyMap<string, number>;

const referencesOfTables = new WeakMap<DesiredTable, References>();

function referencesIn(table: DesiredTable): References {
  const made = referencesOfTables.get(table) ?? counted(table.content.chains);
  referencesOfTables.set(table, made);
  return made;
}

/** With these chains beside those that were counted before, and without those that have gone. */
function counted(chains: readonly Chain[], before?: References, gone: readonly Chain[] = []): References {
  const counts = new Map(before);
  for (const chain of chains) for (const base of setsOf(chain)) counts.set(base, (counts.get(base) ?? 0) + 1);
  for (const chain of gone) {
    for (const base of setsOf(chain)) {
      const count = (counts.get(base) ?? 0) - 1;
      if (count === 0) counts.delete(base);
      else counts.set(base, count);
    }
  }
  return counts;
}

/** By their base names, each once. */
function setsOf(chain: Chain): readonly string[] {
  const known = setsOfChains.get(chain);
  if (known) return known;
  const sets = new Set(chain.rules.flatMap(({ matches }) => matches.flatMap((m) => ("set" in m ? m.set : []))));
  setsOfChains.set(chain, [...sets]);
  return [...sets];
}

/** A chain never changes: one that does is another. */
const setsOfChains = new WeakMap<Chain, readonly string[]>();
