/** The chains of one policy or profile: its rules in one direction, for one family. */
import { defaultTier, type PolicyDirection, type Profile, type Rule } from "@brindle/api";
import type { Family } from "@brindle/net";
import { type Policy, policyName } from "../cluster.ts";
import { type CompiledRule, compileRule, type OwnerOfRule } from "./compileRule.ts";
import { Interned } from "./interned.ts";
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
  const known = chainNames.get(owner)?.[direction];
  if (known !== undefined) return known;
  const kind = owner.kind === "Profile" ? "r" : "p";
  const full = owner.namespace === null ? owner.name : `${owner.namespace}/${owner.name}`;
  const names = { Ingress: chainName(`${kind}i`, full), Egress: chainName(`${kind}o`, full) };
  chainNames.set(owner, names);
  return names[direction];
}

/** Long ones are hashed, and each rendering asks for those of all policies that are for somebody here. */
const chainNames = new WeakMap<RuleOwner, Readonly<Record<PolicyDirection, string>>>();

export function formatOwner(owner: RuleOwner): string {
  return owner.namespace === null ? `${owner.kind} ${owner.name}` : `${owner.kind} ${owner.namespace}/${owner.name}`;
}

export function compileOwner(
  owner: RuleOwner,
  rules: readonly Rule[],
  { direction, family, log = quietSettings.log }: { direction: PolicyDirection; family: Family; log?: LogSettings },
): CompiledChain {
  const compiled = rules.map((rule) => compiledRule(rule, family, { namespace: owner.namespace, direction }));
  const comments = commentsOf(owner, rules, direction);
  const chainRules = rules.flatMap((rule, index): ChainRule[] => {
    const comment = comments[index] ?? "";
    const { target, matches: limits } = outcomeOf(rule, owner, log);
    return (compiled[index]?.alternatives ?? []).map((matches) => ({
      matches: limits.length === 0 ? matches : [...matches, ...limits],
      target,
      comment,
    }));
  });
  const name = ownerChainName(owner, direction);
  return { chain: { name, rules: chainRules }, sets: compiled.flatMap(({ sets }) => sets) };
}

const compiledRules = new Interned<CompiledRule>();

/** Many policies say the same, as that DNS is allowed. */
function compiledRule(rule: Rule, family: Family, owner: OwnerOfRule): CompiledRule {
  const key = `${family} ${owner.direction} ${owner.namespace ?? ""} ${JSON.stringify(rule)}`;
  return compiledRules.of(key, () => compileRule(rule, family, owner));
}

const made = new WeakMap<readonly Rule[], { readonly of: string; readonly comments: readonly string[] }>();

/** The same for both families, so one text for both. */
function commentsOf(owner: RuleOwner, rules: readonly Rule[], direction: PolicyDirection): readonly string[] {
  const of = `${formatOwner(owner)} ${direction.toLowerCase()}`;
  const known = made.get(rules);
  if (known?.of === of) return known.comments;
  const comments = rules.map((_, index) => `${of} ${index}`);
  made.set(rules, { of, comments });
  return comments;
}

const allow: Target = { kind: "goto", chain: chains.allow };
const pass: Target = { kind: "goto", chain: chains.pass };
const deny: Target = { kind: "goto", chain: chains.denied };

/**
 * Allowing goes to a chain that sets the mark and ends: since it is gone to and not jumped to, the packet returns to
 * the endpoint's chain and not to the next rule here. One rule does what would else take a mark and a return. Denying
 * ends in a chain of its own as well, which may tell of the packet first. Behind profiles there is no tier, so what one
 * passes on is denied and does not come to the next profile: so it is in Calico's eBPF and its check of the application
 * layer, while its chains of iptables ask the next.
 */
function outcomeOf(rule: Rule, owner: RuleOwner, log: LogSettings): { target: Target; matches: readonly Match[] } {
  switch (rule.action) {
    case "Allow":
      return { target: allow, matches: [] };
    case "Pass":
      return { target: owner.kind === "Profile" ? deny : pass, matches: [] };
    case "Deny":
      return { target: deny, matches: [] };
    case "Log": {
      const prefix = logPrefix(log, { ...owner, tier: owner.tier ?? defaultTier });
      const matches: Match[] = log.rate === null ? [] : [{ kind: "rate", rate: log.rate, burst: log.burst }];
      return { target: { kind: "log", prefix }, matches };
    }
  }
}

export function ruleOwner(owner: Policy | Profile): RuleOwner {
  const known = owners.get(owner);
  if (known) return known;
  const made = madeOwner(owner);
  owners.set(owner, made);
  return made;
}

/** By the resource, which never changes. */
const owners = new WeakMap<Policy | Profile, RuleOwner>();

function madeOwner(owner: Policy | Profile): RuleOwner {
  if (owner.kind === "Profile") return { kind: "Profile", namespace: null, name: owner.metadata.name };
  return { ...policyName(owner), ...(owner.spec.tier && { tier: owner.spec.tier }) };
}
