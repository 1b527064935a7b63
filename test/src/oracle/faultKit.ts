/** What faults are made of: small clusters, and changes of what the graph renders. */
import { apiVersion, type PolicySpec, type Profile, type Rule } from "@brindle/api";
import { formatSetElement, type InterfaceElement, type SetElement } from "@brindle/net";
import type { Chain, ChainRule, Cluster, Desired, DesiredSet, Hook, Match, TableContent } from "@brindle/policy";
import { clusterWith } from "./randomCase.ts";

export interface Fault {
  readonly name: string;
  readonly cluster: Cluster;
  readonly spoil: (desired: Desired) => Desired;
}

export type Members = DesiredSet["members"];

export const selectsP2 = "place == 'p2'";
export const allow: Rule = { action: "Allow" };
export const tcpTo = (...ports: (number | string)[]): Rule => ({
  action: "Allow",
  protocol: "TCP",
  destination: { ports },
});
export const fromP1: Rule = { action: "Allow", source: { nets: ["10.65.0.1/32", "fd65::1/128"] } };
export const fromFirst: Rule = { action: "Allow", source: { selector: "place == 'p1'" } };
export const denyWeb: Rule = { action: "Deny", protocol: "TCP", destination: { ports: [80] } };

/** Of p2, in this order. */
export function ingress(...policies: readonly (readonly Rule[])[]): Cluster {
  return clusterWith(
    policies.map((rules, order) => ({ types: ["Ingress"], selector: selectsP2, order, ingress: rules })),
  );
}

export function withAdministrators(administrators: readonly Rule[], rules: readonly Rule[]): Cluster {
  const ofP2: PolicySpec = { types: ["Ingress"], selector: selectsP2 };
  return clusterWith([
    { ...ofP2, tier: "kube-admin", ingress: administrators },
    { ...ofP2, ingress: rules },
  ]);
}

/** Rules of policies alone: what stands around them has matches of the same kinds. */
export function ofPolicies(change: (rule: ChainRule) => ChainRule | null): Fault["spoil"] {
  const isMeant = ({ comment }: ChainRule): boolean => comment.includes("NetworkPolicy");
  return everyRule((rule) => (isMeant(rule) ? change(rule) : rule));
}

export function matches(change: (match: Match) => Match | null): Fault["spoil"] {
  return ofPolicies((rule) => ({ ...rule, matches: rule.matches.flatMap((match) => change(match) ?? []) }));
}

export function everyRule(change: (rule: ChainRule) => ChainRule | null): Fault["spoil"] {
  return chains((chain) => ({ ...chain, rules: chain.rules.flatMap((rule) => change(rule) ?? []) }));
}

export function commented(text: string, change: (rule: ChainRule) => ChainRule | null): Fault["spoil"] {
  return everyRule((rule) => (rule.comment === text ? change(rule) : rule));
}

export function chains(change: (chain: Chain) => Chain): Fault["spoil"] {
  return contents((content) => ({ ...content, chains: content.chains.map(change) }));
}

export function contents(change: (content: TableContent) => TableContent): Fault["spoil"] {
  return (desired) => {
    const tables = desired.tables.map((table) =>
      table.table === "filter" ? { ...table, content: change(table.content) } : table,
    );
    return { ...desired, tables };
  };
}

export function hooks(change: (hook: Hook) => Hook | null): Fault["spoil"] {
  return contents((content) => ({ ...content, hooks: content.hooks.flatMap((hook) => change(hook) ?? []) }));
}

export function members(change: (members: Members) => Members): Fault["spoil"] {
  return (desired) => {
    const sets = new Map([...desired.sets].map(([name, set]) => [name, { ...set, members: change(set.members) }]));
    return { ...desired, sets };
  };
}

/** The chain of one end of a pod, which others may share. */
export function chainOf({ endpoints }: Desired, pod: string, direction: "Ingress" | "Egress" = "Ingress"): string {
  const endpoint = [...endpoints.values()].find(({ interfaceName }) => interfaceName === `cali${pod}`);
  if (!endpoint) throw new Error(`${pod} is no pod of the node`);
  return endpoint.chains[direction];
}

/** What leads to the chain of p2 leads elsewhere. */
export function ledTo(chain: (desired: Desired) => string): Fault["spoil"] {
  return (desired) =>
    everyRule((rule) =>
      rule.target.kind === "goto" && rule.target.chain === chainOf(desired, "p2")
        ? { ...rule, target: { ...rule.target, chain: chain(desired) } }
        : rule,
    )(desired);
}

/** The ends of pods in the sets of the dispatch. */
export function ends(change: (end: InterfaceElement) => readonly InterfaceElement[]): Fault["spoil"] {
  const changed = (one: SetElement): readonly SetElement[] => ("interfaceName" in one ? change(one) : [one]);
  return members((of) => keyed([...of.values()].flatMap(changed)));
}

type Side = "source" | "destination";
export const swapped = (side: Side): Side => (side === "source" ? "destination" : "source");
export const nothing = (): null => null;
export const accept = (rule: ChainRule): ChainRule => ({ ...rule, target: { kind: "accept" } });

/** Of p2, one after the other. */
export function withProfiles(...profiles: readonly (readonly Rule[])[]): Cluster {
  const cluster = clusterWith([]);
  const names = profiles.map((_, index) => (index === 0 ? "kns.ns1" : `more-${index}`));
  const more = names.map(
    (name, index): Profile => ({
      apiVersion,
      kind: "Profile",
      metadata: { name },
      spec: { ingress: profiles[index] ?? [], egress: [allow] },
    }),
  );
  const endpoints = cluster.endpoints.map((endpoint) =>
    endpoint.metadata.name === "p2" ? { ...endpoint, spec: { ...endpoint.spec, profiles: names } } : endpoint,
  );
  const others = cluster.profiles.filter(({ metadata }) => metadata.name !== "kns.ns1");
  return { ...cluster, endpoints, profiles: [...others, ...more] };
}

export function keyed(elements: readonly SetElement[]): Members {
  return new Map(elements.map((element) => [formatSetElement(element), element]));
}

/** The network around it that has four times as many addresses. */
export function wider(element: SetElement): SetElement {
  if (!("length" in element) || "interfaceName" in element) return element;
  const shift = BigInt((element.address.family === 4 ? 32 : 128) - element.length + 2);
  const value = (element.address.value >> shift) << shift;
  return { ...element, address: { ...element.address, value }, length: element.length - 2 };
}
