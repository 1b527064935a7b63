/** What to change in one table: the chains that differ, those of ours that nobody wants, and the hooks. */
import type { Family, HookChange, SavedChain, TableTransaction } from "@brindle/net";
import type { DesiredTable } from "../graph/desired.ts";
import type { Chain, ChainRule, Hook } from "../render/ir.ts";
import { chainPrefix } from "../render/names.ts";
import { hashOf, type RenderedRule, ruleArguments, targetOf } from "../render/ruleArguments.ts";
import type { ActualTable } from "./actual.ts";

/** `null` when the table is as it should be. `setName` tells the set in the kernel for a base name. */
export function planTable(
  desired: DesiredTable,
  actual: ActualTable,
  setName: (base: string) => string,
): TableTransaction | null {
  const { family, table, content } = desired;
  const render = (rule: ChainRule): RenderedRule => rendered(rule, family, setName);
  const changes = content.chains.map((chain) => planChain(chain, actual.chains.get(chain.name), render));
  const chains = changes.flatMap(({ content: whole }) => whole ?? []);
  const wanted = new Set(content.chains.map(({ name }) => name));
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
  const hashes = saved?.rules.map((rule) => hashOf(rule.arguments)) ?? [];
  const isSame =
    saved !== undefined && hashes.length === wanted.length && hashes.every((hash, at) => hash === wanted[at]?.hash);
  if (isSame) return {};
  const edits = isDispatch && saved ? editDispatch(saved, wanted) : null;
  return edits ? { edits } : { content: { name, rules: wanted.map((rule) => rule.arguments) } };
}

/**
 * A pod that comes or goes is a rule or two of a list with one for each pod of the node. Emptying the list and filling it
 * again would have the kernel free all of them, which its next change of a table waits for: some ten milliseconds for each
 * ADD. `null` where the chain is not what we left, or most of it changes.
 */
function editDispatch(saved: SavedChain, wanted: readonly RenderedRule[]): HookChange[] | null {
  const present = new Map(saved.rules.map((rule) => [hashOf(rule.arguments), rule.arguments]));
  const desired = new Map(wanted.map((rule) => [rule.hash, rule.arguments]));
  const isOurs = !present.has(null) && present.size === saved.rules.length && desired.size === wanted.length;
  const lastHash = wanted.at(-1)?.hash;
  if (!isOurs || lastHash === undefined || hashOf(saved.rules.at(-1)?.arguments ?? []) !== lastHash) return null;
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
 * only stands behind what was there.
 */
function planHooks(chain: SavedChain, hooks: readonly Hook[], render: (rule: ChainRule) => RenderedRule): HookChange[] {
  const ours = chain.rules.filter((rule) => isOurs(rule.arguments));
  const wanted = hooks.filter((hook) => hook.chain === chain.name);
  const isSame =
    ours.length === wanted.length &&
    wanted.every((hook, index) => hashOf(ours[index]?.arguments ?? []) === render(hook.rule).hash) &&
    (wanted[0]?.place !== "first" || ours[0] === chain.rules[0]);
  if (isSame) return [];
  const removals = ours.map((rule): HookChange => ({ op: "delete", chain: chain.name, rule: rule.arguments }));
  return [...removals, ...wanted.map((hook) => addition(hook, render))];
}

function addition({ chain, place, rule }: Hook, render: (rule: ChainRule) => RenderedRule): HookChange {
  return { op: place === "first" ? "insert" : "append", chain, rule: render(rule).arguments };
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
  const sets = rule.matches.map((match) => (match.kind === "set" ? setName(match.set) : "")).join(" ");
  const known = caches[family].get(rule);
  if (known?.sets === sets) return known.rendered;
  const fresh = ruleArguments(rule, family, setName);
  caches[family].set(rule, { sets, rendered: fresh });
  return fresh;
}
