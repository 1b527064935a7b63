/** What somebody has changed behind our back, as far as it concerns one pod: a plan that should have been empty, in words. */
import type { HookChange, SetChange } from "@brindle/net";
import type { EnforcedEndpoint } from "../graph/desired.ts";
import { dispatchPlane } from "../render/names.ts";
import { isEndpointChain } from "../render/tables.ts";
import type { Plan } from "./plan.ts";

/** Chains that are for other pods alone are left out, with the way to them; what many share is everybody's. */
export function driftOf({ before, commits, after }: Plan, endpoint: EnforcedEndpoint): string[] {
  const own = Object.values(endpoint.chains);
  const isOthers = (chain: string): boolean => isEndpointChain(chain) && !own.includes(chain);
  const leadsElsewhere = ({ rule }: HookChange): boolean => rule.some(isOthers);
  const chains = commits.flatMap(({ family, transaction }) => {
    const changed = (transaction.chains ?? []).map(({ name }) => name).filter((name) => !isOthers(name));
    const hooked = (transaction.hooks ?? []).filter((hook) => !leadsElsewhere(hook));
    const names = new Set([...changed, ...hooked.map(({ chain }) => chain)]);
    return [...names].map((name) => `the chain ${name} of IPv${family} (${transaction.table}) is not as it should be`);
  });
  const sets = [...before, ...after].flatMap((change) => concerned(change, endpoint));
  return [...chains, ...[...new Set(sets)].map((name) => `the set ${name} is not as it should be`)];
}

/** Sets that nobody uses any more concern nobody; the ends of pods in a set of the dispatch concern these. */
function concerned(change: SetChange, { interfaceName }: EnforcedEndpoint): string[] {
  if (change.op === "destroy") return [];
  const name = change.op === "create" ? change.set.name : change.name;
  if (dispatchPlane(name) === null) return [name];
  if (!("elements" in change)) return []; // What it is filled with afterwards tells whom it concerns.
  const isOwn = change.elements.some(
    (element) => "interfaceName" in element && element.interfaceName === interfaceName,
  );
  return isOwn ? [name] : [];
}
