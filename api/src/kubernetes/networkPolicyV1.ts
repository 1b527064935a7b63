/** The part of `networking.k8s.io/v1` that concerns policy, as the API serves it. */

export interface KubernetesNetworkPolicy {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
  };
  readonly spec: KubernetesPolicySpec;
}

export interface KubernetesPolicySpec {
  readonly podSelector: LabelSelector;
  readonly policyTypes?: readonly ("Ingress" | "Egress")[];
  readonly ingress?: readonly KubernetesRule[];
  readonly egress?: readonly KubernetesRule[];
}

/** An ingress rule calls its peers `from`, an egress rule `to`; here they are read as one. */
export interface KubernetesRule {
  /** Empty or missing means anyone. */
  readonly peers: readonly KubernetesPeer[];
  /** Empty or missing means any port of any protocol. */
  readonly ports: readonly KubernetesPort[];
}

/** Either an `ipBlock` or selectors. */
export interface KubernetesPeer {
  readonly podSelector?: LabelSelector;
  readonly namespaceSelector?: LabelSelector;
  readonly ipBlock?: { readonly cidr: string; readonly except: readonly string[] };
}

export interface KubernetesPort {
  readonly protocol: "TCP" | "UDP" | "SCTP";
  /** Missing means every port of the protocol. */
  readonly port?: number | string;
  readonly endPort?: number;
}

export interface LabelSelector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly LabelRequirement[];
}

export interface LabelRequirement {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  readonly values: readonly string[];
}
