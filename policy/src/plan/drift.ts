/** What somebody has changed behind our back, as far as it concerns one pod: a plan that should have been empty, in words. */
import type { HookChange } from "@brindle/net";
import { chainPrefix } from "../render/names.ts";
import { isEndpointChain } from "../render/tables.ts";
import type { Plan } from "./plan.ts";

/** Other pods' chains, and the rules that lead to them, are left out; what many share is everybody's. */
export function driftOf({ before, commits, after }: Plan, interfaceName: string): string[] {
  const isOthers = (chain: string): boolean => isEndpointChain(chain) && !chain.endsWith(`-${interfaceName}`);
  const chains = commits.flatMap(({ family, transaction }) => {
    const changed = (transaction.chains ?? []).map(({ name }) => name).filter((name) => !isOthers(name));
    const hooked = (transaction.hooks ?? []).filter((hook) => !leadsElsewhere(hook, interfaceName));
    const names = new Set([...changed, ...hooked.map(({ chain }) => chain)]);
    return [...names].map((name) => `the chain ${name} of IPv${family} (${transaction.table}) is not as it should be`);
  });
  // Sets that nobody uses any more concern nobody.
  const sets = [...before, ...after].flatMap((change) => {
    if (change.op === "destroy") return [];
    return change.op === "create" ? change.set.name : change.name;
  });
  return [...chains, ...[...new Set(sets)].map((name) => `the set ${name} is not as it should be`)];
}

function leadsElsewhere({ rule }: HookChange, interfaceName: string): boolean {
  return rule.some((word) => word.startsWith(chainPrefix) && isEndpointChain(word)) && !rule.includes(interfaceName);
}
