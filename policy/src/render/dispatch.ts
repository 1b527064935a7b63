/**
 * From an interface to the chain that decides for the pod behind it. A chain is for all ends of pods that have the same
 * decisions, and these ends are in a set, each an address with its interface: so a pod comes and goes as an element of
 * sets, and no table changes. Whoever is in no set, be it that its address is not the interface's, is dropped.
 *
 * A look into a set costs some 150 ns, ten times what an interface's name does. Chains are looked for in two steps,
 * therefore, where there are many: each group has a set of its own. Packets of known flows, which every chain lets pass, are
 * not asked for theirs: one set has all ends.
 */
import type { PolicyDirection } from "@brindle/api";
import type { Family } from "@brindle/net";
import { Interned } from "./interned.ts";
import type { Chain, ChainRule, Match, Side } from "./ir.ts";
import { allEndsSetName, chains, dispatchSetName, groupDispatchName, podInterfaces } from "./names.ts";

export interface Dispatch {
  /** The first is where packets come in. */
  readonly chains: readonly Chain[];
  /** By the chain that decides: the base names of the sets in which its ends have to be. */
  readonly sets: ReadonlyMap<string, readonly string[]>;
  /** What is for packets of flows that are known, before they are looked for in sets; none where there is no chain. */
  readonly known: readonly ChainRule[];
}

/** `deciding` are the names of chains, each once. */
export function dispatch(family: Family, direction: PolicyDirection, deciding: readonly string[]): Dispatch {
  const sets = new Map<string, readonly string[]>();
  const groupRules: ChainRule[] = [];
  const groupChains: Chain[] = [];
  const all = allEndsSetName(family, direction);
  const groups = [...Map.groupBy(deciding, groupOf)].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [group, members] of groups) {
    const own = members.map((chain) => wayTo(chain, family, direction));
    const [only, ...others] = own;
    if (only && others.length === 0) {
      groupRules.push(only.rule);
      sets.set(only.chain, [only.set, all]);
      continue;
    }
    const name = groupDispatchName(direction, group);
    const toGroup = wayTo(name, family, direction);
    groupRules.push(toGroup.rule);
    groupChains.push({ name, rules: [...own.map(({ rule }) => rule), noEnd], isDispatch: true });
    for (const { chain, set } of own) sets.set(chain, [set, toGroup.set, all]);
  }
  const first: Chain = { name: entryOf(direction), rules: [...groupRules, noEnd], isDispatch: true };
  return { chains: [first, ...groupChains], sets, known: sets.size > 0 ? [knownFlowRule(direction, all)] : [] };
}

/** Sixteen: the square root of as many chains as a node with 256 pods may have. */
function groupOf(chain: string): string {
  return (chain.charCodeAt(chain.indexOf("_") + 1) & 15).toString(16);
}

/** Which end of a packet is a pod for whose packets of that direction there are rules. */
export function endOf(direction: PolicyDirection): Side {
  return direction === "Egress" ? "source" : "destination";
}

export function entryOf(direction: PolicyDirection): string {
  return direction === "Egress" ? chains.fromPods : chains.toPods;
}

const noEnd: ChainRule = { matches: [], target: { kind: "drop" }, comment: "no endpoint, or not its address" };

/** By which set, and which rule, packets come to a chain. */
interface Way {
  readonly chain: string;
  readonly set: string;
  readonly rule: ChainRule;
}

/** By the chain. */
type Ways = Readonly<Record<PolicyDirection, Interned<Way>>>;

const ways: Readonly<Record<Family, Ways>> = {
  4: { Ingress: new Interned(), Egress: new Interned() },
  6: { Ingress: new Interned(), Egress: new Interned() },
};

/** One object as long as it says the same: its name is a hash, and all are asked for whenever a pod comes or goes. */
function wayTo(chain: string, family: Family, direction: PolicyDirection): Way {
  return ways[family][direction].of(chain, () => {
    const set = dispatchSetName(family, direction, chain);
    const match: Match = { kind: "ends", side: endOf(direction), set };
    const rule: ChainRule = {
      matches: [match],
      target: { kind: "goto", chain },
      comment: "ends with the same decisions",
    };
    return { chain, set, rule };
  });
}

const rules = new Interned<ChainRule>();

/**
 * As the chain of the end would say. The flow is asked for first: that costs less than a look into a set. Nearly all packets
 * meet the rule, so it is bare, with the states in the order in which iptables names them.
 */
function knownFlowRule(direction: PolicyDirection, set: string): ChainRule {
  return rules.of(`known ${set}`, () => {
    const side = endOf(direction);
    const pod: Match = { kind: "interface", direction: side === "source" ? "in" : "out", name: podInterfaces };
    const known: Match = { kind: "connection", states: ["RELATED", "ESTABLISHED"] };
    const matches: Match[] = [pod, known, { kind: "ends", side, set }];
    return { matches, target: { kind: "accept" }, comment: "known flow", isBare: true };
  });
}
