/** Which policies speak about an endpoint in one direction: the tiers that have some, and theirs, all in order. */
import type { PolicyDirection, WorkloadEndpoint } from "@brindle/api";
import { appliesTo, type Cluster, comparePolicies, labelled, type Policy } from "./cluster.ts";
import { enforcedPolicy } from "./enforceable.ts";
import type { PolicyStage } from "./hosts.ts";
import { inScope, type Labelled, policyScope } from "./scope.ts";
import { surroundingsOf } from "./surroundings.ts";
import { byTier, type PolicyTier } from "./tiers.ts";

export interface EffectiveTier {
  readonly tier: PolicyTier;
  /** As they are enforced: a closed one in the place of one that cannot be. At least one. */
  readonly policies: readonly Policy[];
}

export function effectiveTiers(
  cluster: Cluster,
  endpoint: WorkloadEndpoint,
  direction: PolicyDirection,
): EffectiveTier[] {
  const self = labelled(endpoint, (name) => cluster.profiles.find((profile) => profile.metadata.name === name));
  return tiersFor(cluster, self, { direction, stage: "tracked" });
}

/** The same for whatever has labels. */
export function tiersFor(
  cluster: Cluster,
  self: Labelled,
  { direction, stage }: { readonly direction: PolicyDirection; readonly stage: PolicyStage },
): EffectiveTier[] {
  const around = surroundingsOf(cluster);
  const policies = cluster.policies
    .flatMap((policy) => enforcedPolicy(policy, around).resource ?? [])
    .filter((policy) => appliesTo(policy, direction, stage))
    .filter((policy) => inScope(policyScope(policy.spec, policy.metadata.namespace ?? null), self))
    .sort(comparePolicies);
  return byTier(policies, ({ spec }) => around.tiers.of(spec.tier)).map(({ tier, items }) => ({
    tier,
    policies: items,
  }));
}
