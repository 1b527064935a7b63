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
 * - Chains that nobody comes to (`met.ts`) are left by somebody who died before the commit. Their sets are filled as they are.
 */
import type { ChainContent, Family, SetChange, TableTransaction } from "@brindle/net";
import type { Desired, DesiredSet } from "../graph/desired.ts";
import { dispatchPlane, isDecisive } from "../render/names.ts";
import { isEndpointChain } from "../render/tables.ts";
import { type Actual, type ActualSet, tableOf } from "./actual.ts";
import { isMet, referencesOf, type SetReferences } from "./met.ts";
import { currentSet, type PlannedChange, planSets, replacement } from "./sets.ts";
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
  readonly before: readonly PlannedChange[];
  readonly commits: readonly Commit[];
  readonly after: readonly SetChange[];
}

export function plan(desired: Desired, actual: Actual): Plan {
  const references = referencesOf(actual);
  const found = new Map<DesiredSet, ActualSet | null>();
  const current = new Map<string, string>();
  for (const set of desired.sets.values()) {
    const present = currentSet(set, actual.sets, references);
    found.set(set, present);
    current.set(set.name, present?.name ?? replacement(set, actual.sets, references).name);
  }
  const asNow = planCommits(desired, actual, current);
  const replaceChanged = asNow.some((commit) => changesDecisions(commit, actual) || endsLayout(commit, references));
  const { names, before, after } = planSets(desired.sets, actual.sets, { references, replaceChanged, found });
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

/**
 * Whether packets come to other rules than before, but for those whose ends go from one chain to another. A table that is hooked
 * in before the filter, for host endpoints, changes chains of the filter as well: these let pass what it has allowed.
 */
function changesDecisions({ family, transaction }: Commit, actual: Actual): boolean {
  if (transaction.table === "nat") return false;
  const present = tableOf(actual, family, transaction.table);
  const isChanged = ({ name }: ChainContent): boolean =>
    isDecisive(name) && present.chains.has(name) && isMet(present, name);
  return (transaction.chains ?? []).some(isChanged);
}

/** Before there were sets of ends, each pod had chains of its own: the rules of all change with the commit. */
function endsLayout({ transaction }: Commit, { met }: SetReferences): boolean {
  const isFormer = ![...met].some((name) => dispatchPlane(name) !== null);
  return isFormer && (transaction.deletedChains ?? []).some(isEndpointChain);
}
