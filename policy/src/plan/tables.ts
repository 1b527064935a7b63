/** What to change in one table: the chains that differ, those of ours that nobody wants, and the hooks. */
import assert from "node:assert/strict";
import type { Family, HookChange, SavedChain, SavedRule, TableTransaction } from "@brindle/net";
import type { DesiredTable } from "../graph/desired.ts";
import type { Chain, ChainRule, Hook } from "../render/ir.ts";
import { chainPrefix } from "../render/names.ts";
import { hashOf, identityOf, type RenderedRule, ruleArguments, targetOf } from "../render/ruleArguments.ts";
import type { ActualTable } from "./actual.ts";
import { isAsDesired, noteAsDesired, type Unsettled, unsettledIn } from "./settled.ts";

/** `null` when the table is as it should be. `names` are the sets in the kernel by base name. */
export function planTable(
  desired: DesiredTable,
  actual: ActualTable,
  names: ReadonlyMap<string, string>,
): TableTransaction | null {
  if (isAsDesired(desired, actual, names)) return null;
  const transaction = planDifferences(desired, actual, (base) => names.get(base) ?? base);
  if (!transaction) noteAsDesired(desired, actual, names);
  return transaction;
}

function planDifferences(
  desired: DesiredTable,
  actual: ActualTable,
  setName: (base: string) => string,
): TableTransaction | null {
  const { family, table, content } = desired;
  const render = (rule: ChainRule): RenderedRule => rendered(rule, family, setName);
  const { chains: unsettled, gone, hooked } = unsettledIn(desired, actual, setName) ?? everything(desired, actual);
  const changes = unsettled.map((chain) => planChain(chain, actual.chains.get(chain.name), render));
  const chains = changes.flatMap(({ content: whole }) => whole ?? []);
  const hooks = [
    ...changes.flatMap(({ edits = [] }) => edits),
    ...[...hooked].flatMap((name) => planHooks(actual.chains.get(name), content.hooks, render)),
  ];
  // The kernel's own chains are not there before anyone has used the table.
  for (const hook of content.hooks) {
    if (!actual.chains.has(hook.chain)) hooks.push(addition(hook, render));
  }
  if (chains.length === 0 && hooks.length === 0 && gone.length === 0) return null;
  return { table, chains, hooks, deletedChains: gone };
}

/** Of a table of which nothing is known. */
function everything({ content: { chains } }: DesiredTable, actual: ActualTable): Unsettled {
  const wanted = new Set(chains.map(({ name }) => name));
  // One would take the other's rules. What stands in the kernel goes on to stand, and it is said why.
  if (wanted.size < chains.length) assert.fail(`two owners have one chain: ${repeated(chains)}`);
  const [ours, others] = partition([...actual.chains.keys()], (name) => name.startsWith(chainPrefix));
  return { chains, gone: ours.filter((name) => !wanted.has(name)), hooked: new Set(others) };
}

function partition<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}

/** The names that occur twice, with what their rules are for. */
function repeated(chains: readonly Chain[]): string {
  const several = [...Map.groupBy(chains, ({ name }) => name).values()].filter((same) => same.length > 1);
  return several
    .map((same) => `${same[0]?.name} of ${same.map(({ rules }) => rules[0]?.comment ?? "no rules").join(" and ")}`)
    .join("; ");
}

/** What a chain needs: nothing, all of its rules anew, or single ones of a dispatch. */
interface ChainChange {
  readonly content?: NonNullable<TableTransaction["chains"]>[number];
  readonly edits?: readonly HookChange[];
}

function planChain(
  { name, rules, isDispatch }: Chain,
  saved: SavedChain | undefined,
  render: (rule: ChainRule) => RenderedRule,
): ChainChange {
  const wanted = rules.map(render);
  const isSame =
    saved !== undefined &&
    saved.rules.length === wanted.length &&
    saved.rules.every((rule, at) => savedIdentity(rule) === wanted[at]?.identity);
  if (isSame) return {};
  const edits = isDispatch && saved ? editDispatch(saved, wanted) : null;
  return edits ? { edits } : { content: { name, rules: wanted.map((rule) => rule.arguments) } };
}

const savedIdentities = new WeakMap<SavedRule, string>();

function savedIdentity(rule: SavedRule): string {
  const known = savedIdentities.get(rule);
  if (known !== undefined) return known;
  const found = identityOf(rule.arguments);
  savedIdentities.set(rule, found);
  return found;
}

/**
 * A chain of endpoints that comes or goes is one rule of a list. Emptying the list and filling it again would have the
 * kernel free all of them, which its next change of a table waits for. `null` where the chain is not what we left, or most
 * of it changes.
 */
function editDispatch(saved: SavedChain, wanted: readonly RenderedRule[]): HookChange[] | null {
  const present = new Map(saved.rules.map((rule) => [savedIdentity(rule), rule.arguments]));
  const desired = new Map(wanted.map((rule) => [rule.identity, rule.arguments]));
  const areOurs = saved.rules.every((rule) => hashOf(rule.arguments) !== null);
  const isEachOnce = present.size === saved.rules.length && desired.size === wanted.length;
  const last = wanted.at(-1)?.identity;
  const lastSaved = saved.rules.at(-1);
  if (!areOurs || !isEachOnce || !lastSaved || savedIdentity(lastSaved) !== last) return null;
  const added = [...desired].filter(([identity]) => !present.has(identity)).map(([, rule]) => rule);
  const gone = [...present].flatMap(([identity, rule]) => (desired.has(identity) ? [] : [rule]));
  if (added.length + gone.length > wanted.length) return null;
  const chain = saved.name;
  return [
    ...gone.map((rule): HookChange => ({ op: "delete", chain, rule })),
    ...added.map((rule): HookChange => ({ op: "insert", chain, rule })),
  ];
}

/**
 * The first of ours has to come before all others: what stands before it would escape policy. One that is to be last
 * stands behind what was there, but before a rule of others that denies all that is left, as a host's firewall ends with:
 * like the policy of a chain, that speaks of what nobody has allowed.
 */
function planHooks(
  chain: SavedChain | undefined,
  hooks: readonly Hook[],
  render: (rule: ChainRule) => RenderedRule,
): HookChange[] {
  if (!chain) return [];
  const ours = chain.rules.filter((rule) => isOurs(rule.arguments));
  const theirs = chain.rules.filter((rule) => !isOurs(rule.arguments));
  const wanted = hooks.filter((hook) => hook.chain === chain.name);
  const end = theirs.at(-1);
  const hasEnd = end !== undefined && deniesAll(end);
  const lastOfOurs = ours.at(-1);
  const isSame =
    ours.length === wanted.length &&
    wanted.every((hook, index) => identityOf(ours[index]?.arguments ?? []) === render(hook.rule).identity) &&
    (wanted[0]?.place !== "first" || ours[0] === chain.rules[0]) &&
    !(hasEnd && lastOfOurs && chain.rules.indexOf(end) < chain.rules.indexOf(lastOfOurs));
  if (isSame) return [];
  const removals = ours.map((rule): HookChange => ({ op: "delete", chain: chain.name, rule: rule.arguments }));
  const before = hasEnd ? theirs.length - 1 : null;
  return [...removals, ...wanted.map((hook, at) => addition(hook, render, before === null ? null : before + at))];
}

/** `behind`: how many rules come before one that is to be last, if there are others behind it. */
function addition(
  { chain, place, rule }: Hook,
  render: (rule: ChainRule) => RenderedRule,
  behind: number | null = null,
): HookChange {
  const words = render(rule).arguments;
  if (place === "first") return { op: "insert", chain, rule: words };
  return behind === null ? { op: "append", chain, rule: words } : { op: "insert", behind, chain, rule: words };
}

/** Whether it is no more than a verdict against whatever comes to it. */
function deniesAll({ arguments: words }: SavedRule): boolean {
  const comment = words.indexOf("--comment");
  const rest = comment < 0 ? words : words.toSpliced(comment - 2, 4);
  const [option, target, ...more] = rest;
  if (option !== "-j") return false;
  return (target === "DROP" && more.length === 0) || (target === "REJECT" && more.length <= 2);
}

function isOurs(saved: readonly string[]): boolean {
  return hashOf(saved) !== null || (targetOf(saved)?.startsWith(chainPrefix) ?? false);
}

/** Rules are values that the graph keeps, so most of them were rendered before, with the same sets. */
const caches: Readonly<Record<Family, WeakMap<ChainRule, { readonly sets: string; readonly rendered: RenderedRule }>>> =
  {
    4: new WeakMap(),
    6: new WeakMap(),
  };

function rendered(rule: ChainRule, family: Family, setName: (base: string) => string): RenderedRule {
  const sets = rule.matches.map((match) => ("set" in match ? setName(match.set) : "")).join(" ");
  const known = caches[family].get(rule);
  if (known?.sets === sets) return known.rendered;
  const fresh = ruleArguments(rule, family, setName);
  caches[family].set(rule, { sets, rendered: fresh });
  return fresh;
}
