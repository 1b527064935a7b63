/** Under which names policies are stored, and which names belong to policies that are not Calico's. */
import type { ResourceKind } from "../kinds/kinds.ts";
import { clusterPolicyPrefixes } from "./clusterPolicyTiers.ts";
import { convertedNamePrefix } from "./networkPolicyConversion.ts";

/** Releases before 3.32 stored a policy of the default tier with the tier's name before its own. */
const oldPrefix = "default.";

const policyKinds: readonly ResourceKind[] = [
  "NetworkPolicy",
  "GlobalNetworkPolicy",
  "StagedNetworkPolicy",
  "StagedGlobalNetworkPolicy",
];

export function hasOldNames(kind: ResourceKind): boolean {
  return policyKinds.includes(kind);
}

/** What an object in the older CRDs is called by people. */
export function nameFromOlder(kind: ResourceKind, name: string): string {
  return hasOldNames(kind) && name.startsWith(oldPrefix) ? name.slice(oldPrefix.length) : name;
}

export function olderNamesOf(kind: ResourceKind, name: string): readonly string[] {
  return hasOldNames(kind) ? [name, `${oldPrefix}${name}`] : [name];
}

/** Whether the name is that of a policy of Kubernetes, which only Kubernetes can hold. */
export function isConvertedName(kind: ResourceKind, name: string): boolean {
  if (kind === "NetworkPolicy") return name.startsWith(convertedNamePrefix);
  return kind === "GlobalNetworkPolicy" && clusterPolicyPrefixes.some((prefix) => name.startsWith(prefix));
}
