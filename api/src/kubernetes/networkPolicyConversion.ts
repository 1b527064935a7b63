/**
 * A Kubernetes NetworkPolicy as the Calico NetworkPolicy that means the same, in the form that Calico's controllers
 * give it (name, order, selector texts, one rule for each protocol and peer), so that either may write it.
 */
import { formatPrefix, networkOf, parseCidr } from "@brindle/net";
import type { EntityRule, PortSpec } from "../kinds/entityRule.ts";
import type { NetworkPolicy } from "../kinds/networkPolicy.ts";
import type { PolicyDirection } from "../kinds/policy.ts";
import { apiVersion } from "../kinds/resource.ts";
import type { Rule } from "../kinds/rule.ts";
import { parseSelector } from "../selector/selector.ts";
import { type ManifestFault, Reader } from "./manifestReader.ts";
import { readNetworkPolicy } from "./networkPolicyReading.ts";
import type {
  KubernetesNetworkPolicy,
  KubernetesPeer,
  KubernetesPort,
  LabelRequirement,
  LabelSelector,
} from "./networkPolicyV1.ts";

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
  // Only a selector can still be wrong: Kubernetes bounds no selector's length.
  const faults = selectorsOf(converted).flatMap((text): ManifestFault[] => {
    const parsed = parseSelector(text);
    return parsed.kind === "malformed" ? [{ path: "spec", reason: `as a Calico policy: ${parsed.reason}` }] : [];
  });
  return faults.length > 0 ? { kind: "invalid", faults } : { kind: "converted", policy: converted };
}

function selectorsOf({ spec }: NetworkPolicy): string[] {
  const entities = [...(spec.ingress ?? []), ...(spec.egress ?? [])].flatMap(({ source, destination }) => [
    source ?? {},
    destination ?? {},
  ]);
  const ofRules = entities.flatMap(({ selector, namespaceSelector }) => [selector, namespaceSelector]);
  return [spec.selector, ...ofRules].filter((text) => text !== undefined);
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
      types: spec.policyTypes?.length ? inOrder(spec.policyTypes) : inferTypes(egress.length > 0),
      ingress: ingress.flatMap(({ peers, ports }) => convertRule(peers, ports, "Ingress")),
      egress: egress.flatMap(({ peers, ports }) => convertRule(peers, ports, "Egress")),
    },
  };
}

/** The API's default: always ingress, egress where there are egress rules. */
function inferTypes(hasEgress: boolean): PolicyDirection[] {
  return hasEgress ? ["Ingress", "Egress"] : ["Ingress"];
}

/** Kubernetes takes them in any order, and one twice. */
function inOrder(types: readonly PolicyDirection[]): PolicyDirection[] {
  return (["Ingress", "Egress"] as const).filter((direction) => types.includes(direction));
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
    return { protocol, destination: { ports: mergePorts(group) } };
  });
}

/** As Calico merges them: names first, then the numbers in order, neighbours as one range. */
export function mergePorts(ports: readonly KubernetesPort[]): PortSpec[] {
  const names = ports.flatMap(({ port }) => (typeof port === "string" ? [port] : []));
  const ranges = ports
    .flatMap(({ port, endPort }) => (typeof port === "number" ? [{ first: port, last: endPort ?? port }] : []))
    .sort((a, b) => a.first - b.first);
  const merged: { first: number; last: number }[] = [];
  for (const range of ranges) {
    const before = merged.at(-1);
    if (before && range.first <= before.last + 1) before.last = Math.max(before.last, range.last);
    else merged.push(range);
  }
  return [...names, ...merged.map(({ first, last }) => (first === last ? first : `${first}:${last}`))];
}

function convertPeer({ ipBlock, podSelector, namespaceSelector }: KubernetesPeer): EntityRule {
  if (ipBlock) {
    const { cidr, except } = ipBlock;
    return { nets: [networkText(cidr)], ...(except.length > 0 ? { notNets: except.map(networkText) } : {}) };
  }
  return {
    selector: podSelectorText(podSelector ?? { matchLabels: {}, matchExpressions: [] }),
    ...(namespaceSelector ? { namespaceSelector: selectorTerms(namespaceSelector).join(" && ") || "all()" } : {}),
  };
}

/** Kubernetes takes a network with host bits, which are of no meaning. */
export function networkText(cidr: string): string {
  const parsed = parseCidr(cidr);
  return parsed ? formatPrefix(networkOf(parsed)) : cidr;
}

/** Pods only: what another orchestrator runs in the cluster is none. */
export function podSelectorText(selector: LabelSelector): string {
  return ["projectcalico.org/orchestrator == 'k8s'", ...selectorTerms(selector)].join(" && ");
}

export function selectorTerms({ matchLabels, matchExpressions }: LabelSelector): string[] {
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
