/**
 * A Kubernetes NetworkPolicy as the Calico NetworkPolicy that means the same, in the form that Calico's controllers
 * give it (name, order, selector texts, one rule for each protocol and peer), so that either may write it.
 */
import { apiVersion, type EntityRule, type NetworkPolicy, type PolicyDirection, type Rule } from "@brindle/api";
import { policyProblem } from "../enforceable.ts";
import type {
  KubernetesNetworkPolicy,
  KubernetesPeer,
  KubernetesPort,
  LabelRequirement,
  LabelSelector,
} from "./networkPolicy.ts";
import { type ManifestFault, Reader } from "./reader.ts";
import { readNetworkPolicy } from "./readNetworkPolicy.ts";

export type KubernetesConversion =
  | { readonly kind: "converted"; readonly policy: NetworkPolicy }
  | { readonly kind: "invalid"; readonly faults: readonly ManifestFault[] };

/** Prefix of the names of converted policies: which tier and where from. */
export const convertedNamePrefix = "knp.default.";
/** Calico's order of Kubernetes policies: after those that an operator put first, before those without an order. */
export const convertedOrder = 1000;

export function convertNetworkPolicy(manifest: unknown, namespaceDefault = "default"): KubernetesConversion {
  const reader = new Reader(manifest);
  const policy = readNetworkPolicy(reader, namespaceDefault);
  if (reader.faults.length > 0) return { kind: "invalid", faults: reader.faults };
  const converted = convert(policy);
  // Only a selector can still be wrong: Kubernetes bounds no selector's length, and Calico does.
  const problem = policyProblem(converted.spec);
  if (problem) return { kind: "invalid", faults: [{ path: "spec", reason: `as a Calico policy: ${problem}` }] };
  return { kind: "converted", policy: converted };
}

function convert({ metadata, spec }: KubernetesNetworkPolicy): NetworkPolicy {
  const { ingress = [], egress = [] } = spec;
  return {
    apiVersion,
    kind: "NetworkPolicy",
    metadata: { namespace: metadata.namespace, name: `${convertedNamePrefix}${metadata.name}` },
    spec: {
      order: convertedOrder,
      selector: podSelectorText(spec.podSelector),
      types: spec.policyTypes?.length ? spec.policyTypes : inferTypes(egress.length > 0),
      ingress: ingress.flatMap(({ peers, ports }) => convertRule(peers, ports, "Ingress")),
      egress: egress.flatMap(({ peers, ports }) => convertRule(peers, ports, "Egress")),
    },
  };
}

/** The API's default: always ingress, egress where there are egress rules. */
function inferTypes(hasEgress: boolean): PolicyDirection[] {
  return hasEgress ? ["Ingress", "Egress"] : ["Ingress"];
}

function convertRule(
  peers: readonly KubernetesPeer[],
  ports: readonly KubernetesPort[],
  direction: PolicyDirection,
): Rule[] {
  const entities = peers.length > 0 ? peers.map(convertPeer) : [{}];
  const matches = ports.length > 0 ? groupPorts(ports) : [{ destination: {} }];
  return matches.flatMap(({ protocol, destination }) =>
    entities.map((entity): Rule => {
      const source = direction === "Ingress" ? entity : {};
      const target = direction === "Ingress" ? destination : { ...entity, ...destination };
      return {
        action: "Allow",
        ...(protocol === undefined ? {} : { protocol }),
        ...(Object.keys(source).length > 0 ? { source } : {}),
        ...(Object.keys(target).length > 0 ? { destination: target } : {}),
      };
    }),
  );
}

/** The ports of one protocol go into one rule; one entry without a port opens all ports of its protocol. */
function groupPorts(ports: readonly KubernetesPort[]): { protocol?: string; destination: EntityRule }[] {
  const groups = Map.groupBy(ports, ({ protocol }) => protocol);
  return [...groups.keys()].sort().map((protocol) => {
    const group = groups.get(protocol) ?? [];
    if (group.some(({ port }) => port === undefined)) return { protocol, destination: {} };
    const specs = group.map(({ port = 0, endPort }) => (endPort === undefined ? port : `${port}:${endPort}`));
    return { protocol, destination: { ports: specs } };
  });
}

function convertPeer({ ipBlock, podSelector, namespaceSelector }: KubernetesPeer): EntityRule {
  if (ipBlock) return { nets: [ipBlock.cidr], ...(ipBlock.except.length > 0 ? { notNets: ipBlock.except } : {}) };
  return {
    selector: podSelectorText(podSelector ?? { matchLabels: {}, matchExpressions: [] }),
    ...(namespaceSelector ? { namespaceSelector: selectorTerms(namespaceSelector).join(" && ") || "all()" } : {}),
  };
}

/** Pods only: what another orchestrator runs in the cluster is none. */
function podSelectorText(selector: LabelSelector): string {
  return ["projectcalico.org/orchestrator == 'k8s'", ...selectorTerms(selector)].join(" && ");
}

function selectorTerms({ matchLabels, matchExpressions }: LabelSelector): string[] {
  const labels = Object.keys(matchLabels).sort();
  return [...labels.map((label) => `${label} == '${matchLabels[label]}'`), ...matchExpressions.map(requirementText)];
}

function requirementText({ key, operator, values }: LabelRequirement): string {
  const list = values.map((value) => `'${value}'`).join(", ");
  switch (operator) {
    case "In":
      return `${key} in { ${list} }`;
    case "NotIn":
      return `${key} not in { ${list} }`;
    case "Exists":
      return `has(${key})`;
    case "DoesNotExist":
      return `! has(${key})`;
  }
}
