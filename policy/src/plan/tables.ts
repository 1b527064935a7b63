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
  const chains = content.chains.flatMap((chain) => differing(chain, actual.chains.get(chain.name), render));
  const wanted = new Set(content.chains.map(({ name }) => name));
  const deletedChains = [...actual.chains.keys()].filter((name) => name.startsWith(chainPrefix) && !wanted.has(name));
  const hooks = [...actual.chains.values()]
    .filter(({ name }) => !name.startsWith(chainPrefix))
    .flatMap((chain) => planHooks(chain, content.hooks, render));
  // The kernel's own chains are not there before anyone has used the table.
  for (const hook of content.hooks) {
    if (!actual.chains.has(hook.chain)) hooks.push(addition(hook, render));
  }
  if (chains.length === 0 && hooks.length === 0 && deletedChains.length === 0) return null;
  return { table, chains, hooks, deletedChains };
}

function differing(
  { name, rules }: Chain,
  saved: SavedChain | undefined,
  render: (rule: ChainRule) => RenderedRule,
): NonNullable<TableTransaction["chains"]>[number][] {
  const wanted = rules.map(render);
  const isSame =
    saved?.rules.length === wanted.length &&
    saved.rules.every((rule, index) => hashOf(rule.arguments) === wanted[index]?.hash);
  return isSame ? [] : [{ name, rules: wanted.map((rule) => rule.arguments) }];
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
