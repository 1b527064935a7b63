/**
 * From what is to what should be, in an order that opens nothing on the way. Applying a plan takes no decisions.
 *
 * Two things can change at once: rules and sets. Sets that change in place pass through states of their own, and with
 * rules that change as well, old rules would meet new sets. So:
 *
 * - While the chains of policies, profiles and endpoints that exist stay as they are, sets change in place, before new
 *   endpoints get their chains.
 * - As soon as one of those chains changes, every set that changes too is made anew, and the commit moves the rules
 *   from the old sets to the new ones at once: a packet sees the old state or the new one.
 */
import type { Family, SavedChain, TableTransaction } from "@brindle/net";
import type { Desired } from "../graph/desired.ts";
import { chainPrefix, dispatchPlane, isOwnersChain } from "../render/names.ts";
import { setsOf } from "../render/ruleArguments.ts";
import { isEndpointChain } from "../render/tables.ts";
import { type Actual, type ActualTable, tableOf } from "./actual.ts";
import { currentSet, freshName, planSets, type SetChange } from "./sets.ts";
import { planTable } from "./tables.ts";

export interface Commit {
  readonly family: Family;
  readonly transaction: TableTransaction;
  /** Of its chains those that are not there yet, by their names: no rule refers to them. */
  readonly fresh: ReadonlySet<string>;
}

export interface Plan {
  /** The sets in the kernel, by the base names of the desired ones. */
  readonly names: ReadonlyMap<string, string>;
  readonly before: readonly SetChange[];
  readonly commits: readonly Commit[];
  readonly after: readonly SetChange[];
}

export function plan(desired: Desired, actual: Actual): Plan {
  const referenced = referencedSets(actual);
  const current = new Map(
    [...desired.sets.values()].map((set) => [
      set.name,
      currentSet(set, actual.sets, referenced)?.name ?? freshName(set, referenced),
    ]),
  );
  const asNow = planCommits(desired, actual, current);
  const replaceChanged = asNow.some((commit) => changesOwnersChain(commit, actual) || endsLayout(commit, referenced));
  const { names, before, after } = planSets(desired.sets, actual.sets, { referenced, replaceChanged });
  const isRenamed = [...names].some(([base, name]) => current.get(base) !== name);
  return { names, before, commits: isRenamed ? planCommits(desired, actual, names) : asNow, after };
}

export function isEmptyPlan({ before, commits, after }: Plan): boolean {
  return before.length === 0 && commits.length === 0 && after.length === 0;
}

function planCommits(desired: Desired, actual: Actual, names: ReadonlyMap<string, string>): Commit[] {
  return desired.tables.flatMap((table): Commit[] => {
    const present = tableOf(actual, table.family, table.table);
    const transaction = planTable(table, present, names);
    if (!transaction) return [];
    const fresh = (transaction.chains ?? []).map(({ name }) => name).filter((name) => !present.chains.has(name));
    return [{ family: table.family, transaction, fresh: new Set(fresh) }];
  });
}

/** Whether a chain that decides for someone, and that packets meet already, gets other rules. */
function changesOwnersChain({ family, transaction }: Commit, actual: Actual): boolean {
  if (transaction.table === "nat") return false;
  const { chains } = tableOf(actual, family, transaction.table);
  return (transaction.chains ?? []).some(({ name }) => isOwnersChain(name) && chains.has(name));
}

/** Before there were sets of ends, each pod had chains of its own: the rules of all change with the commit. */
function endsLayout({ transaction }: Commit, referenced: ReadonlySet<string>): boolean {
  const isFormer = ![...referenced].some((name) => dispatchPlane(name) !== null);
  return isFormer && (transaction.deletedChains ?? []).some(isEndpointChain);
}

function referencedSets({ tables, referencedElsewhere }: Actual): Set<string> {
  return setsReferredTo(tables).union(referencedElsewhere ?? new Set());
}

/** By rules of ours. */
export function setsReferredTo(tables: readonly Pick<ActualTable, "chains">[]): Set<string> {
  const referenced = new Set<string>();
  for (const { chains } of tables) for (const set of setsOfTable(chains)) referenced.add(set);
  return referenced;
}

const setsOfTables = new WeakMap<ActualTable["chains"], ReadonlySet<string>>();

/** Nor are the chains of a table: one that is written is another. */
function setsOfTable(chains: ActualTable["chains"]): ReadonlySet<string> {
  const known = setsOfTables.get(chains);
  if (known) return known;
  const referenced = new Set<string>();
  for (const chain of chains.values()) {
    if (isChainOfOurs(chain)) for (const set of setsOfSaved(chain)) referenced.add(set);
  }
  setsOfTables.set(chains, referenced);
  return referenced;
}

const setsOfChains = new WeakMap<SavedChain, readonly string[]>();

/** A saved chain is never changed, and most of a node's are there at each plan. */
function setsOfSaved(chain: SavedChain): readonly string[] {
  const known = setsOfChains.get(chain);
  if (known) return known;
  const sets = [...new Set(chain.rules.flatMap((rule) => setsOf(rule.arguments)))];
  setsOfChains.set(chain, sets);
  return sets;
}

function isChainOfOurs({ name }: { readonly name: string }): boolean {
  return name.startsWith(chainPrefix);
}
