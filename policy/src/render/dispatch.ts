/**
 * From an interface to the chain that decides for the pod behind it. A chain is for all ends of pods that have the same
 * decisions, and these ends are in a set, each an address with its interface: so a pod comes and goes as an element of
 * sets, and no table changes. Whoever is in no set, be it that its address is not the interface's, is dropped.
 *
 * A look into a set costs some 150 ns, ten times what an interface's name does. Chains are looked for in two steps,
 * therefore, where there are many: each group has a set of its own.
 */
import type { PolicyDirection } from "@brindle/api";
import type { Family } from "@brindle/net";
import { Interned } from "./interned.ts";
import type { Chain, ChainRule, Match } from "./ir.ts";
import { chains, dispatchSetName, groupDispatchName } from "./names.ts";

export interface Dispatch {
  /** The first is where packets come in. */
  readonly chains: readonly Chain[];
  /** By the chain that decides: the base names of the sets in which its ends have to be. */
  readonly sets: ReadonlyMap<string, readonly string[]>;
}

/** `deciding` are the names of chains, each once. */
export function dispatch(family: Family, direction: PolicyDirection, deciding: readonly string[]): Dispatch {
  const sets = new Map<string, readonly string[]>();
  const groupRules: ChainRule[] = [];
  const groupChains: Chain[] = [];
  const groups = [...Map.groupBy(deciding, groupOf)].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [group, members] of groups) {
    const own = members.map((chain): [string, string] => [chain, dispatchSetName(family, direction, chain)]);
    const rules = own.map(([chain, set]) => endsRule(direction, set, chain));
    if (rules.length === 1) {
      groupRules.push(...rules);
      for (const [chain, set] of own) sets.set(chain, [set]);
      continue;
    }
    const name = groupDispatchName(direction, group);
    const groupSet = dispatchSetName(family, direction, name);
    groupRules.push(endsRule(direction, groupSet, name));
    groupChains.push({ name, rules: [...rules, noEnd], isDispatch: true });
    for (const [chain, set] of own) sets.set(chain, [set, groupSet]);
  }
  const first: Chain = { name: entryOf(direction), rules: [...groupRules, noEnd], isDispatch: true };
  return { chains: [first, ...groupChains], sets };
}

/** Sixteen: the square root of as many chains as a node with 256 pods may have. */
function groupOf(chain: string): string {
  return (chain.charCodeAt(chain.indexOf("_") + 1) & 15).toString(16);
}

export function entryOf(direction: PolicyDirection): string {
  return direction === "Egress" ? chains.fromPods : chains.toPods;
}

const noEnd: ChainRule = { matches: [], target: { kind: "drop" }, comment: "no endpoint, or not its address" };

const rules = new Interned<ChainRule>();

/** One object as long as it says the same. */
function endsRule(direction: PolicyDirection, set: string, chain: string): ChainRule {
  return rules.of(`${set} ${chain}`, () => {
    const match: Match = { kind: "ends", side: direction === "Egress" ? "source" : "destination", set };
    return { matches: [match], target: { kind: "goto", chain }, comment: "ends with the same decisions" };
  });
}
