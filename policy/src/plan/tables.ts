/** What to change in one table: the chains that differ, those of ours that nobody wants, and the hooks. */
import assert from "node:assert/strict";
import type { Family, HookChange, SavedChain, SavedRule, TableTransaction } from "@brindle/net";
import type { DesiredTable } from "../graph/desired.ts";
import type { Chain, ChainRule, Hook } from "../render/ir.ts";
import { chainPrefix } from "../render/names.ts";
import { hashOf, type RenderedRule, ruleArguments, targetOf } from "../render/ruleArguments.ts";
import type { ActualTable } from "./actual.ts";

/** `null` when the table is as it should be. `names` are the sets in the kernel by base name. */
export function planTable(
  desired: DesiredTable,
  actual: ActualTable,
  names: ReadonlyMap<string, string>,
): TableTransaction | null {
  const known = knownTables.get(desired);
  if (known?.actual === actual && known.sets === setsText(names)) return null;
  const transaction = planDifferences(desired, actual, (base) => names.get(base) ?? base);
  if (!transaction) noteAsDesired(desired, actual, names);
  return transaction;
}

/** Tables of which it is known that they are as desired: the same two objects have no differences. */
const knownTables = new WeakMap<DesiredTable, { readonly actual: ActualTable; readonly sets: string }>();

/** What a plan has brought about need not be compared again. */
export function noteAsDesired(desired: DesiredTable, actual: ActualTable, names: ReadonlyMap<string, string>): void {
  knownTables.set(desired, { actual, sets: setsText(names) });
}

function setsText(names: ReadonlyMap<string, string>): string {
  return [...names.values()].join(" ");
}

function planDifferences(
  desired: DesiredTable,
  actual: ActualTable,
  setName: (base: string) => string,
): TableTransaction | null {
  const { family, table, content } = desired;
  const render = (rule: ChainRule): RenderedRule => rendered(rule, family, setName);
  const changes = content.chains.map((chain) =>
    planChain(chain, actual.chains.get(chain.name), { family, setName, render }),
  );
  const chains = changes.flatMap(({ content: whole }) => whole ?? []);
  const wanted = new Set(content.chains.map(({ name }) => name));
  // One would take the other's rules. What stands in the kernel goes on to stand, and it is said why.
  if (wanted.size < content.chains.length) assert.fail(`two owners have one chain: ${repeated(content.chains)}`);
  const deletedChains = [...actual.chains.keys()].filter((name) => name.startsWith(chainPrefix) && !wanted.has(name));
  const hooks = [
    ...changes.flatMap(({ edits = [] }) => edits),
    ...[...actual.chains.values()]
      .filter(({ name }) => !name.startsWith(chainPrefix))
      .flatMap((chain) => planHooks(chain, content.hooks, render)),
  ];
  // The kernel's own chains are not there before anyone has used the table.
  for (const hook of content.hooks) {
    if (!actual.chains.has(hook.chain)) hooks.push(addition(hook, render));
  }
  if (chains.length === 0 && hooks.length === 0 && deletedChains.length === 0) return null;
  return { table, chains, hooks, deletedChains };
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

interface Rendering {
  readonly family: Family;
  readonly setName: (base: string) => string;
  readonly render: (rule: ChainRule) => RenderedRule;
}

function planChain(chain: Chain, saved: SavedChain | undefined, rendering: Rendering): ChainChange {
  const { name, rules, isDispatch } = chain;
  if (saved && isKnownToBe(chain, saved, rendering)) return {};
  const wanted = rules.map(rendering.render);
  const isSame =
    saved !== undefined &&
    saved.rules.length === wanted.length &&
    saved.rules.every((rule, at) => savedHash(rule) === wanted[at]?.hash);
  if (isSame) noteSame(chain, saved, rendering);
  if (isSame) return {};
  const edits = isDispatch && saved ? editDispatch(saved, wanted) : null;
  return edits ? { edits } : { content: { name, rules: wanted.map((rule) => rule.arguments) } };
}

/**
 * A node has two chains for each of its pods, and most are what they were at the last plan: the same objects on both
 * sides, whose rules need not be looked at again.
 */
const knownSame: Readonly<Record<Family, WeakMap<Chain, SameAs>>> = { 4: new WeakMap(), 6: new WeakMap() };

interface SameAs {
  readonly saved: SavedChain;
  /** The sets in the kernel that the chain's rules mean, in the order of `setsOfChain`. */
  readonly sets: readonly string[];
}

function isKnownToBe(chain: Chain, saved: SavedChain, { family, setName }: Rendering): boolean {
  const known = knownSame[family].get(chain);
  return known?.saved === saved && setsOfChain(chain).every((base, at) => setName(base) === known.sets[at]);
}

function noteSame(chain: Chain, saved: SavedChain, { family, setName }: Rendering): void {
  knownSame[family].set(chain, { saved, sets: setsOfChain(chain).map(setName) });
}

const setsOfChains = new WeakMap<Chain, readonly string[]>();

/** By their base names, each once. */
function setsOfChain(chain: Chain): readonly string[] {
  const known = setsOfChains.get(chain);
  if (known) return known;
  const sets = chain.rules.flatMap(({ matches }) => matches.flatMap((match) => ("set" in match ? match.set : [])));
  const each = [...new Set(sets)];
  setsOfChains.set(chain, each);
  return each;
}

const savedHashes = new WeakMap<SavedRule, string | null>();

function savedHash(rule: SavedRule): string | null {
  const known = savedHashes.get(rule);
  if (known !== undefined) return known;
  const found = hashOf(rule.arguments);
  savedHashes.set(rule, found);
  return found;
}

/**
 * A chain of endpoints that comes or goes is one rule of a list. Emptying the list and filling it again would have the
 * kernel free all of them, which its next change of a table waits for. `null` where the chain is not what we left, or most
 * of it changes.
 */
function editDispatch(saved: SavedChain, wanted: readonly RenderedRule[]): HookChange[] | null {
  const present = new Map(saved.rules.map((rule) => [savedHash(rule), rule.arguments]));
  const desired = new Map(wanted.map((rule) => [rule.hash, rule.arguments]));
  const isOurs = !present.has(null) && present.size === saved.rules.length && desired.size === wanted.length;
  const lastHash = wanted.at(-1)?.hash;
  const lastSaved = saved.rules.at(-1);
  if (!isOurs || !lastSaved || savedHash(lastSaved) !== lastHash) return null;
  const added = [...desired].filter(([hash]) => !present.has(hash)).map(([, rule]) => rule);
  const gone = [...present].flatMap(([hash, rule]) => (hash !== null && desired.has(hash) ? [] : [rule]));
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
function planHooks(chain: SavedChain, hooks: readonly Hook[], render: (rule: ChainRule) => RenderedRule): HookChange[] {
  const ours = chain.rules.filter((rule) => isOurs(rule.arguments));
  const theirs = chain.rules.filter((rule) => !isOurs(rule.arguments));
  const wanted = hooks.filter((hook) => hook.chain === chain.name);
  const end = theirs.at(-1);
  const hasEnd = end !== undefined && deniesAll(end);
  const lastOfOurs = ours.at(-1);
  const isSame =
    ours.length === wanted.length &&
    wanted.every((hook, index) => hashOf(ours[index]?.arguments ?? []) === render(hook.rule).hash) &&
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
