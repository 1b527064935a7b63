/** What the kernel has once a plan is applied, so that it need not be read back after each. */
import type { HookChange, RuleArguments, SavedChain, SavedRule, TableTransaction } from "@brindle/net";
import type { Desired } from "../graph/desired.ts";
import { type Actual, type ActualSet, type ActualTable, tableOf } from "./actual.ts";
import type { Plan } from "./plan.ts";
import { noteAsDesired } from "./settled.ts";

/** `undestroyed` are the sets that the kernel would not let go of yet. */
export function afterPlan(actual: Actual, plan: Plan, desired: Desired, undestroyed: ReadonlySet<string>): Actual {
  const tables = tablesAfter(actual, plan);
  for (const table of desired.tables) {
    const after = tables.find((candidate) => candidate.family === table.family && candidate.table === table.table);
    if (after) noteAsDesired(table, after, plan.names);
  }
  return { tables, sets: setsAfter(actual, plan, desired, undestroyed) };
}

function setsAfter(
  actual: Actual,
  plan: Plan,
  desired: Desired,
  undestroyed: ReadonlySet<string>,
): Map<string, ActualSet> {
  const sets = new Map<string, ActualSet>();
  const made = new Map(
    plan.before.flatMap((change) =>
      change.op === "create" ? [[change.set.name, change.set.maxElements] as const] : [],
    ),
  );
  for (const [base, { family, type, members }] of desired.sets) {
    const name = plan.names.get(base) ?? base;
    const before = actual.sets.get(name);
    const maxElements = made.get(name) ?? before?.maxElements ?? null;
    const isSame = before?.members === members && before.type === type && before.maxElements === maxElements;
    sets.set(name, isSame && before.family === family ? before : { name, family, type, members, maxElements });
  }
  for (const name of undestroyed) {
    const set = actual.sets.get(name);
    if (set) sets.set(name, set);
  }
  return sets;
}

function tablesAfter(actual: Actual, plan: Plan): ActualTable[] {
  const untouched = actual.tables.filter(
    ({ family, table }) =>
      !plan.commits.some((commit) => commit.family === family && commit.transaction.table === table),
  );
  const touched = plan.commits.map(({ family, transaction }): ActualTable => {
    const { table } = transaction;
    return { family, table, chains: chainsAfter(tableOf(actual, family, table).chains, transaction) };
  });
  return [...untouched, ...touched];
}

function chainsAfter(before: ReadonlyMap<string, SavedChain>, transaction: TableTransaction): Map<string, SavedChain> {
  const chains = new Map(before);
  for (const { name, rules } of transaction.chains ?? []) {
    chains.set(name, { name, policy: null, rules: rules.map(savedRule) });
  }
  for (const change of transaction.hooks ?? []) {
    const chain = chains.get(change.chain) ?? { name: change.chain, policy: "ACCEPT", rules: [] };
    chains.set(change.chain, { ...chain, rules: hooked(chain.rules, change) });
  }
  for (const name of transaction.deletedChains ?? []) chains.delete(name);
  return chains;
}

function hooked(rules: readonly SavedRule[], { op, behind = 0, rule }: HookChange): SavedRule[] {
  if (op === "insert") return rules.toSpliced(behind, 0, savedRule(rule));
  if (op === "append") return [...rules, savedRule(rule)];
  const text = rule.join("\n");
  const index = rules.findIndex((candidate) => candidate.arguments.join("\n") === text);
  return index < 0 ? [...rules] : rules.toSpliced(index, 1);
}

function savedRule(rule: RuleArguments): SavedRule {
  return { arguments: rule, counters: null };
}
