/** The two tiers of ClusterNetworkPolicy (`policy.networking.k8s.io`), as Calico calls them. */
export const clusterPolicyTiers = { Admin: "kube-admin", Baseline: "kube-baseline" } as const;

export type ClusterPolicyTier = (typeof clusterPolicyTiers)[keyof typeof clusterPolicyTiers];

/** Before the name of what is converted: where from, and which tier. */
export function clusterPolicyPrefix(tier: ClusterPolicyTier): string {
  return `kcnp.${tier}.`;
}

export const clusterPolicyPrefixes: readonly string[] = Object.values(clusterPolicyTiers).map(clusterPolicyPrefix);
