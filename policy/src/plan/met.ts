/**
 * What packets come to of that which the kernel has of ours. Chains are made ahead of the commit that leads to them, and whoever
 * makes them may die in between: they refer to sets that nobody has filled yet, and which may change without any care.
 */
import { chainPrefix } from "../render/names.ts";
import { setsOf, targetOf } from "../render/ruleArguments.ts";
import type { Actual, ActualTable } from "./actual.ts";
import { setsOfSettled } from "./settled.ts";

/** Sets in the kernel by the rules of ours that refer to them. */
export interface SetReferences {
  readonly all: ReadonlySet<string>;
  /** Of these, those to whose rules a packet may come. */
  readonly met: ReadonlySet<string>;
}

interface Reached {
  readonly sets: SetReferences;
  /** `null` where all chains are. */
  readonly chains: ReadonlySet<string> | null;
}

export function referencesOf({ tables, referencedElsewhere }: Actual): SetReferences {
  const [all, met] = [setsReferredTo(tables), metSets(tables)];
  if (!referencedElsewhere) return { all, met };
  return { all: all.union(referencedElsewhere), met: met.union(referencedElsewhere) };
}

/** By rules of ours. */
export function setsReferredTo(tables: readonly ActualTable[]): Set<string> {
  return united(tables.map((table) => reachedIn(table).sets.all));
}

function metSets(tables: readonly ActualTable[]): Set<string> {
  return united(tables.map((table) => reachedIn(table).sets.met));
}

/** Of a chain that is there. */
export function isMet(table: ActualTable, chain: string): boolean {
  return reachedIn(table).chains?.has(chain) ?? true;
}

function united(sets: readonly ReadonlySet<string>[]): Set<string> {
  const union = new Set<string>();
  for (const each of sets) for (const name of each) union.add(name);
  return union;
}

const reached = new WeakMap<ActualTable, Reached>();

/** A table is never changed: one that is written is another. */
function reachedIn(table: ActualTable): Reached {
  const known = reached.get(table);
  if (known) return known;
  // What is as it is desired is all led to.
  const settled = setsOfSettled(table);
  const found = settled ? { sets: { all: settled, met: settled }, chains: null } : walked(table);
  reached.set(table, found);
  return found;
}

function walked(table: ActualTable): Reached {
  const chains = metChains(table);
  const [all, met] = [new Set<string>(), new Set<string>()];
  for (const { name, rules } of table.chains.values()) {
    if (!name.startsWith(chainPrefix)) continue;
    for (const set of rules.flatMap((rule) => setsOf(rule.arguments))) {
      all.add(set);
      if (chains.has(name)) met.add(set);
    }
  }
  return { sets: { all, met }, chains };
}

/** From the chains of others, which the kernel or somebody's rules lead to. */
function metChains({ chains }: ActualTable): Set<string> {
  const met = new Set([...chains.keys()].filter((name) => !name.startsWith(chainPrefix)));
  // A set tells also of what is added while it is gone through.
  for (const name of met) {
    for (const rule of chains.get(name)?.rules ?? []) {
      const target = targetOf(rule.arguments);
      if (target !== null && chains.has(target)) met.add(target);
    }
  }
  return met;
}
