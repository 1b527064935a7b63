/** What a FabricPeer changes in all routes of a session, as rules beside those of its filters. */
import type { FilterOperation, FilterRule, RouteFilter, RoutePolicy } from "@brindle/bgp";
import { parsePrefix } from "@brindle/net";
import type { RouteChanges } from "./neighbour.ts";

/**
 * The filters with the changes after their own in each rule that accepts, and behind them rules which accept, changed, what
 * the policy would accept as it is. The policy is a list: what it does not name stays out.
 */
export function withChanges(
  filters: readonly RouteFilter[],
  { accept }: RoutePolicy,
  { name, changes }: { readonly name: string; readonly changes: RouteChanges },
): readonly RouteFilter[] {
  const operations = operationsOf(changes);
  if (operations.length === 0) return filters;
  const changed = filters.map((filter): RouteFilter => {
    const { 4: v4, 6: v6 } = filter.rules;
    const rules = { ...(v4 && { 4: v4.map(changing) }), ...(v6 && { 6: v6.map(changing) }) };
    return { ...filter, rules };
  });
  return [...changed, { name, rules: { 4: rulesOf(4), 6: rulesOf(6) } }];

  function changing(rule: FilterRule): FilterRule {
    if (rule.action !== "Accept") return rule;
    return { ...rule, operations: [...(rule.operations ?? []), ...operations] };
  }

  function rulesOf(family: 4 | 6): FilterRule[] {
    if (accept === "all") return [{ action: "Accept", operations }];
    return accept
      .filter(({ prefix }) => parsePrefix(prefix)?.address.family === family)
      .map(({ prefix, minLength, maxLength }): FilterRule => {
        const prefixLength = { min: minLength, max: maxLength };
        return { cidr: prefix, matchOperator: "In", prefixLength, action: "Accept", operations };
      });
  }
}

function operationsOf({ communities = [], med, localPreference, prependASPath }: RouteChanges): FilterOperation[] {
  return [
    ...communities.map((value): FilterOperation => ({ addCommunity: { value } })),
    ...(med === undefined ? [] : [{ setMED: { value: med } }]),
    ...(localPreference === undefined ? [] : [{ setLocalPreference: { value: localPreference } }]),
    ...(prependASPath === undefined ? [] : [{ prependASPath: { prefix: prependASPath } }]),
  ];
}
