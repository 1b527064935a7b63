/** RFC 8326 §4: what becomes of the routes of a session that is about to be shut down, while others are found. */
import { addressBits, parsePrefix } from "@brindle/net";
import type { FilterOperation, FilterRule, RouteFilter } from "../filter/rule.ts";
import type { PeerConfig } from "./config.ts";

/** As the last resort of this speaker and, by the community, of all that hear of it. */
const lastResort: readonly FilterOperation[] = [
  { addCommunity: { value: "graceful-shutdown" } },
  { setLocalPreference: { value: 0 } },
];

type Import = Pick<PeerConfig, "importFilters" | "importPolicy">;

/** Takes the same routes from the peer, each as a last resort. */
export function asLastResort({ importFilters = [], importPolicy }: Import): Import {
  const marked = importFilters.map(({ name, rules }): RouteFilter => {
    return {
      name,
      rules: { ...(rules[4] && { 4: rules[4].map(marking) }), ...(rules[6] && { 6: rules[6].map(marking) }) },
    };
  });
  return { importFilters: [...marked, policyAsFilter(importPolicy)], importPolicy };
}

function marking(rule: FilterRule): FilterRule {
  if (rule.action !== "Accept") return rule;
  return { ...rule, operations: [...(rule.operations ?? []), ...lastResort] };
}

/** What the policy lets pass. */
function policyAsFilter({ accept }: PeerConfig["importPolicy"]): RouteFilter {
  const action = "Accept";
  if (accept === "all") {
    const all: FilterRule[] = [{ action, operations: lastResort }];
    return { name: "graceful shutdown", rules: { 4: all, 6: all } };
  }
  const rules: Record<4 | 6, FilterRule[]> = { 4: [], 6: [] };
  for (const { prefix, minLength, maxLength } of accept) {
    const family = parsePrefix(prefix)?.address.family ?? 4;
    const prefixLength = { min: minLength, max: Math.min(maxLength, addressBits[family]) };
    rules[family].push({ cidr: prefix, matchOperator: "In", prefixLength, action, operations: lastResort });
  }
  return { name: "graceful shutdown", rules };
}
