import { oneOf } from "./fields.ts";
import { type KindDefinition, nameColumn } from "./kind.ts";
import {
  formatLabelSelector,
  type KubernetesEgressRule,
  type KubernetesIngressRule,
  kubernetesEgress,
  kubernetesIngress,
  type LabelSelector,
  labelSelector,
} from "./kubernetesPolicy.ts";
import type { PolicyDirection } from "./policy.ts";
import { apiVersion, type Resource } from "./resource.ts";
import { field, object, optional, set } from "./schema.ts";
import { checkStagedDelete, type Staged, stagedDeleteRules, stagedShape, unsupportedInStaged } from "./stagedPolicy.ts";

export interface StagedKubernetesNetworkPolicySpec extends Staged {
  /** Empty selects every pod of the namespace. */
  readonly podSelector?: LabelSelector;
  readonly ingress?: readonly KubernetesIngressRule[];
  readonly egress?: readonly KubernetesEgressRule[];
  readonly policyTypes?: readonly PolicyDirection[];
}

export type StagedKubernetesNetworkPolicy = Resource<
  "StagedKubernetesNetworkPolicy",
  StagedKubernetesNetworkPolicySpec
>;

const directions = set(oneOf("Ingress", "Egress"), { min: 1, max: 2 });

export const stagedKubernetesNetworkPolicyKind: KindDefinition<StagedKubernetesNetworkPolicy> = {
  apiVersion,
  kind: "StagedKubernetesNetworkPolicy",
  plural: "stagedkubernetesnetworkpolicies",
  description: "What a NetworkPolicy of Kubernetes would be, before it is made one.",
  aliases: ["stagedkubernetespolicy", "sknp", "stagedkubernetespolicies", "skpol", "skpols"],
  namespaced: true,
  spec: object<StagedKubernetesNetworkPolicySpec>({
    ...stagedShape,
    podSelector: optional(field(labelSelector, "The pods that it is about; all of the namespace, if empty.")),
    ingress: optional(field(kubernetesIngress, "What the pods may receive.")),
    egress: optional(field(kubernetesEgress, "What the pods may send.")),
    policyTypes: optional(
      field(directions, "The directions it is about: Ingress, and Egress where it has such rules, unless told."),
    ),
  }),
  unsupported: unsupportedInStaged,
  rules: stagedDeleteRules,
  check: ({ spec }) => checkStagedDelete(spec, []),
  withDefaults: ({ spec, ...policy }) => ({
    ...policy,
    // Go's struct always writes a selector.
    spec: { ...spec, stagedAction: spec.stagedAction ?? "Set", podSelector: spec.podSelector ?? {} },
  }),
  columns: [nameColumn],
  wideColumns: [
    nameColumn,
    // calicoctl ends with a panic here; the column is its own.
    { header: "PODSELECTOR", cell: ({ spec }) => formatLabelSelector(spec.podSelector ?? {}) },
  ],
};
