/** The chains of one policy or profile: its rules in one direction, for one family. */
import { defaultTier, type PolicyDirection, type Rule } from "@brindle/api";
import type { Family } from "@brindle/net";
import { compileRule } from "./compileRule.ts";
import type { Chain, ChainRule, Match, Target } from "./ir.ts";
import { chainName, chains } from "./names.ts";
import { type LogSettings, logPrefix, quietSettings } from "./settings.ts";
import type { SetUse } from "./setUse.ts";

export interface RuleOwner {
  readonly kind: "NetworkPolicy" | "GlobalNetworkPolicy" | "Profile";
  readonly namespace: string | null;
  readonly name: string;
  /** Of a policy that names one. */
  readonly tier?: string;
}

export interface CompiledChain {
  readonly chain: Chain;
  readonly sets: readonly SetUse[];
}

/** By chain: `pi`, `po` for a policy's ingress and egress, `ri`, `ro` for a profile's. */
export function ownerChainName(owner: RuleOwner, direction: PolicyDirection): string {
  const role = `${owner.kind === "Profile" ? "r" : "p"}${direction === "Ingress" ? "i" : "o"}`;
  return chainName(role, owner.namespace === null ? owner.name : `${owner.namespace}/${owner.name}`);
}

export function formatOwner(owner: RuleOwner): string {
  return owner.namespace === null ? `${owner.kind} ${owner.name}` : `${owner.kind} ${owner.namespace}/${owner.name}`;
}

export function compileOwner(
  owner: RuleOwner,
  rules: readonly Rule[],
  { direction, family, log = quietSettings.log }: { direction: PolicyDirection; family: Family; log?: LogSettings },
): CompiledChain {
  const compiled = rules.map((rule) => compileRule(rule, family, owner.namespace));
  const chainRules = rules.flatMap((rule, index): ChainRule[] => {
    const comment = `${formatOwner(owner)} ${direction.toLowerCase()} ${index}`;
    const { target, matches: limits } = outcomeOf(rule, owner, log);
    return (compiled[index]?.alternatives ?? []).map((matches) => ({
      matches: [...matches, ...limits],
      target,
      comment,
    }));
  });
  const name = ownerChainName(owner, direction);
  return { chain: { name, rules: chainRules }, sets: compiled.flatMap(({ sets }) => sets) };
}

/**
 * Allowing goes to a chain that sets the mark and ends: since it is gone to and not jumped to, the packet returns to
 * the endpoint's chain and not to the next rule here. One rule does what would else take a mark and a return. Denying
 * ends in a chain of its own as well, which may tell of the packet first.
 */
function outcomeOf(rule: Rule, owner: RuleOwner, log: LogSettings): { target: Target; matches: readonly Match[] } {
  switch (rule.action) {
    case "Allow":
      return { target: { kind: "goto", chain: chains.allow }, matches: [] };
    case "Pass":
      return { target: { kind: "goto", chain: chains.pass }, matches: [] };
    case "Deny":
      return { target: { kind: "goto", chain: chains.denied }, matches: [] };
    case "Log": {
      const prefix = logPrefix(log, { ...owner, tier: owner.tier ?? defaultTier });
      const matches: Match[] = log.rate === null ? [] : [{ kind: "rate", rate: log.rate, burst: log.burst }];
      return { target: { kind: "log", prefix }, matches };
    }
  }
}
