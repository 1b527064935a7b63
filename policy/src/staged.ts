/** What staged policies would do: the cluster in which each of them is made real. */
import {
  convertNetworkPolicy,
  type GlobalNetworkPolicy,
  type NetworkPolicy,
  type StagedAction,
  type StagedGlobalNetworkPolicy,
  type StagedKubernetesNetworkPolicy,
  type StagedNetworkPolicy,
} from "@brindle/api";
import { type Cluster, formatPolicyName, type Policy, type PolicyName, policyName } from "./cluster.ts";

export type StagedPolicy = StagedNetworkPolicy | StagedGlobalNetworkPolicy | StagedKubernetesNetworkPolicy;

/**
 * A stage that is `Set` stands in the place of the policy of its name, or beside the others; one that is `Delete` takes it
 * away. What is staged as `Learn` or `Ignore` changes nothing.
 */
export function withStaged(cluster: Cluster): Cluster {
  const { staged = [], ...rest } = cluster;
  const policies = new Map(cluster.policies.map((policy) => [nameOf(policy), policy]));
  for (const change of staged.map(stagedChange)) {
    if (change?.policy) policies.set(nameOf(change.policy), change.policy);
    else if (change) policies.delete(formatPolicyName(change.target));
  }
  return { ...rest, policies: [...policies.values()] };
}

export interface StagedChange {
  /** The policy that would be another one. */
  readonly target: PolicyName;
  /** `null`: it would go. */
  readonly policy: Policy | null;
}

/** `null` of a stage that changes nothing. */
export function stagedChange(stage: StagedPolicy): StagedChange | null {
  const target = targetOf(stage);
  const action: StagedAction = stage.spec.stagedAction ?? "Set";
  if (action === "Delete") return { target, policy: null };
  const policy = action === "Set" ? madeReal(stage) : null;
  return policy && { target, policy };
}

function nameOf(policy: Policy): string {
  return formatPolicyName(policyName(policy));
}

/** The policy that a stage is about. */
function targetOf({ kind, metadata }: StagedPolicy): PolicyName {
  const { name, namespace = null } = metadata;
  switch (kind) {
    case "StagedGlobalNetworkPolicy":
      return { kind: "GlobalNetworkPolicy", namespace: null, name };
    case "StagedNetworkPolicy":
      return { kind: "NetworkPolicy", namespace, name };
    case "StagedKubernetesNetworkPolicy":
      return { kind: "NetworkPolicy", namespace, name: `knp.default.${name}` };
  }
}

/** `null` for one that cannot be converted: validation refuses it upstream. */
function madeReal(stage: StagedPolicy): Policy | null {
  const { apiVersion, metadata } = stage;
  if (stage.kind === "StagedKubernetesNetworkPolicy") {
    const { stagedAction: _, ...spec } = stage.spec;
    const manifest = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata, spec };
    const converted = convertNetworkPolicy(manifest);
    return converted.kind === "converted" ? converted.policy : null;
  }
  const { stagedAction: _, ...spec } = stage.spec;
  return stage.kind === "StagedNetworkPolicy"
    ? ({ apiVersion, kind: "NetworkPolicy", metadata, spec } satisfies NetworkPolicy)
    : ({ apiVersion, kind: "GlobalNetworkPolicy", metadata, spec } satisfies GlobalNetworkPolicy);
}
