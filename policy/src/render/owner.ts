/** The chains of one policy or profile: its rules in one direction, for one family. */
import type { PolicyDirection, Rule } from "@brindle/api";
import type { Family } from "@brindle/net";
import { compileRule } from "./compileRule.ts";
import type { Chain, ChainRule, Target } from "./ir.ts";
import { chainName, chains } from "./names.ts";
import type { SetUse } from "./setUse.ts";

export interface RuleOwner {
  readonly kind: "NetworkPolicy" | "GlobalNetworkPolicy" | "Profile";
  readonly namespace: string | null;
  readonly name: string;
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
  { direction, family }: { direction: PolicyDirection; family: Family },
): CompiledChain {
  const compiled = rules.map((rule) => compileRule(rule, family, owner.namespace));
  const chainRules = rules.flatMap((rule, index): ChainRule[] => {
    const comment = `${formatOwner(owner)} ${direction.toLowerCase()} ${index}`;
    return (compiled[index]?.alternatives ?? []).map((matches) => ({ matches, target: targetOf(rule), comment }));
  });
  const name = ownerChainName(owner, direction);
  return { chain: { name, rules: chainRules }, sets: compiled.flatMap(({ sets }) => sets) };
}

/**
 * Allowing goes to a chain that sets the mark and ends: since it is gone to and not jumped to, the packet returns to
 * the endpoint's chain and not to the next rule here. One rule does what would else take a mark and a return. Denying
 * ends in a chain of its own as well, which may tell of the packet first.
 */
function targetOf(rule: Rule): Target {
  switch (rule.action) {
    case "Allow":
      return { kind: "goto", chain: chains.allow };
    case "Pass":
      return { kind: "goto", chain: chains.pass };
    case "Deny":
      return { kind: "goto", chain: chains.denied };
    case "Log":
      return { kind: "log", prefix: "brindle: " };
  }
}
