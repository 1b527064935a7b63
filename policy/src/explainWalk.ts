/** The way of a packet through tiers, policies and rules up to what decided, in nested lines. */
import { defaultTier, type PolicyDirection, type Rule } from "@brindle/api";
import { type Cluster, formatPolicyName, type Policy, policyName } from "./cluster.ts";
import { describeRule } from "./describeRule.ts";
import { enforcedPolicy } from "./enforceable.ts";
import type { DirectionResult, PassedOver } from "./evaluate.ts";
import { surroundingsOf } from "./surroundings.ts";
import { unknownTier } from "./tiers.ts";

type Owner = PassedOver["owner"];

/** What was asked and did not decide, in order, then the rule that did. */
interface Step {
  readonly owner: Owner;
  readonly rule: number | null;
  readonly says: string;
}

export function walkLines(cluster: Cluster, result: DirectionResult): string[] {
  const steps: Step[] = result.passedOver.map(({ owner, rule, reason }) => ({ owner, rule, says: reason }));
  const { decidedBy } = result;
  if (decidedBy.kind === "policyRule") steps.push({ owner: decidedBy.policy, rule: decidedBy.rule, says: "decides" });
  if (decidedBy.kind === "profileRule") {
    const owner = { kind: "Profile", name: decidedBy.profile, namespace: null } as const;
    steps.push({ owner, rule: decidedBy.rule, says: "decides" });
  }
  const lines: string[] = [];
  let [tierBefore, ownerBefore] = ["", ""];
  for (const { owner, rule, says } of steps) {
    if (owner.kind === "Tier") {
      lines.push(`  tier ${owner.name} ${says}`);
      continue;
    }
    const resource = resourceOf(cluster, owner);
    const tier = resource && "tier" in resource ? tierTitle(resource.tier) : "profiles";
    if (tier !== tierBefore) lines.push(`  ${tier}`);
    const title = titleOf(owner);
    if (rule === null) lines.push(`    ${title} ${says}`);
    else if (title !== ownerBefore || tier !== tierBefore) lines.push(`    ${title}`);
    if (rule !== null) lines.push(`      ${rule} ${ruleText(resource?.spec, result.direction, rule)}: ${says}`);
    [tierBefore, ownerBefore] = [tier, title];
  }
  return lines;
}

function titleOf({ kind, namespace, name }: Owner): string {
  return kind === "Profile" || kind === "Tier" ? `${kind} ${name}` : formatPolicyName({ kind, namespace, name });
}

function tierTitle(tier: string): string {
  return tier === unknownTier ? "before all tiers" : `tier ${tier}`;
}

interface RuleSource {
  readonly spec: { readonly ingress?: readonly Rule[]; readonly egress?: readonly Rule[] };
}

/** As it is enforced. */
function resourceOf(cluster: Cluster, owner: Owner): (RuleSource & { readonly tier: string }) | RuleSource | null {
  const { kind, name, namespace } = owner;
  if (kind === "Profile") return cluster.profiles.find(({ metadata }) => metadata.name === name) ?? null;
  const isNamed = (policy: Policy): boolean => {
    const of = policyName(policy);
    return of.kind === kind && of.name === name && of.namespace === namespace;
  };
  const stored = cluster.policies.find(isNamed);
  const around = surroundingsOf(cluster);
  const spec = stored && enforcedPolicy(stored, around).resource?.spec;
  return spec ? { spec, tier: around.tiers.has(spec.tier) ? spec.tier || defaultTier : unknownTier } : null;
}

function ruleText(spec: RuleSource["spec"] | undefined, direction: PolicyDirection, index: number): string {
  const rule = (direction === "Ingress" ? spec?.ingress : spec?.egress)?.[index];
  return rule ? describeRule(rule) : "(gone)";
}
