/** What staged policies would make of a packet, where that is another thing than what becomes of it now. */
import type { PolicyDirection } from "@brindle/api";
import { formatPolicyName, type PolicyName } from "../cluster.ts";
import type { ChainVerdict } from "./chainVerdicts.ts";
import { ruleNameOf } from "./ruleName.ts";

export interface StagedVerdict {
  readonly verdict: "allow" | "deny";
  /** Whose policy it is about: the source's egress or the destination's ingress. */
  readonly direction: PolicyDirection;
  /** `namespace/name` of that end, `HostEndpoint name` of a host's. */
  readonly endpoint: string;
  /** In words: `StagedNetworkPolicy shop/db, ingress rule 1`. */
  readonly by: string;
  /** What is staged, each `StagedNetworkPolicy shop/db`. */
  readonly stages: readonly string[];
}

export interface StagedFacts {
  /** As it is; the same packet as it would be. */
  readonly now: ChainVerdict;
  readonly then: ChainVerdict;
  /** What is staged for a policy, in words. */
  stageOf(policy: PolicyName): string | null;
  /** The policies that select an endpoint, those in force and those that would be. */
  policiesFor(endpoint: string, direction: PolicyDirection): readonly PolicyName[];
}

/** `null` where nothing that is staged makes a difference: it is allowed as before, or denied by what denies it now. */
export function stagedVerdict({ now, then, stageOf, policiesFor }: StagedFacts): StagedVerdict | null {
  const isSame = now.verdict === then.verdict;
  if (isSame && (then.verdict === "allow" || (now.rule === then.rule && now.endpoint === then.endpoint))) return null;
  // Of what is opened, the end that is closed now is what it is about.
  const { endpoint, direction } = then.verdict === "deny" ? then : now;
  const isOfThatEnd = then.endpoint === endpoint && then.direction === direction;
  const rule = isOfThatEnd ? ruleNameOf(then.rule) : null;
  const decider = rule && rule.owner.kind !== "Profile" ? policyOf(rule.owner) : null;
  const stage = decider && stageOf(decider);
  const said = `${direction.toLowerCase()} rule`;
  if (rule && stage) {
    return { verdict: then.verdict, direction, endpoint, by: `${stage}, ${said} ${rule.rule}`, stages: [stage] };
  }
  const stages = [...new Set(policiesFor(endpoint, direction).flatMap((policy) => stageOf(policy) ?? []))];
  if (stages.length === 0) return null;
  const names = stages.join(", ");
  if (!isOfThatEnd) return { verdict: then.verdict, direction, endpoint, by: names, stages };
  const how = decider && rule ? `${formatPolicyName(decider)}, ${said} ${rule.rule}` : then.rule;
  return { verdict: then.verdict, direction, endpoint, by: `${names}: ${how}`, stages };
}

function policyOf({ kind, namespace, name }: { kind: string; namespace: string | null; name: string }): PolicyName {
  return { kind: kind as PolicyName["kind"], namespace, name };
}
