/** A rule in one line of words, for people: `Allow tcp from pods with app == 'web' to port 5432`. */
import type { EntityRule, IcmpMatch, Rule } from "@brindle/api";
import { ofNodesAnnotation } from "./nodeRules.ts";

export function describeRule(rule: Rule): string {
  const parts = [
    rule.action,
    ...(rule.ipVersion === undefined ? [] : [`IPv${rule.ipVersion}`]),
    ...(rule.protocol === undefined ? [] : [String(rule.protocol).toLowerCase()]),
    ...(rule.notProtocol === undefined ? [] : [`not ${String(rule.notProtocol).toLowerCase()}`]),
    ...(rule.icmp ? [describeIcmp(rule.icmp)] : []),
    ...(rule.notICMP ? [`not ${describeIcmp(rule.notICMP)}`] : []),
    ...describeEntity("from", rule.source ?? {}),
    ...describeEntity("to", rule.destination ?? {}, rule.metadata?.annotations?.[ofNodesAnnotation]),
  ];
  return parts.length === 1 ? `${rule.action} everything` : parts.join(" ");
}

function describeIcmp({ type, code }: IcmpMatch): string {
  return [...(type === undefined ? [] : [`type ${type}`]), ...(code === undefined ? [] : [`code ${code}`])].join(" ");
}

/** `nodes`: whose addresses the networks are. */
function describeEntity(word: "from" | "to", entity: EntityRule, nodes?: string): string[] {
  const { nets = [], notNets = [], ports = [], notPorts = [], serviceAccounts, services } = entity;
  const { names = [], selector: accountSelector } = serviceAccounts ?? {};
  const parts = [
    ...(entity.selector ? [`endpoints with ${entity.selector}`] : []),
    ...(names.length > 0 ? [`service accounts ${names.join(", ")}`] : []),
    ...(accountSelector ? [`service accounts with ${accountSelector}`] : []),
    ...(entity.namespaceSelector ? [`namespaces with ${entity.namespaceSelector}`] : []),
    ...(services ? [`service ${services.namespace ? `${services.namespace}/` : ""}${services.name}`] : []),
    ...(nodes !== undefined ? [describeNodes(nodes, nets)] : nets.length > 0 ? [nets.join(", ")] : []),
    ...(entity.notSelector ? [`none with ${entity.notSelector}`] : []),
    ...(notNets.length > 0 ? [`none of ${notNets.join(", ")}`] : []),
    ...(ports.length > 0 ? [`port ${ports.join(", ")}`] : []),
    ...(notPorts.length > 0 ? [`no port of ${notPorts.join(", ")}`] : []),
  ];
  return parts.length === 0 ? [] : [`${word} ${parts.join(" and ")}`];
}

function describeNodes(selector: string, [first = ""]: readonly string[]): string {
  const family = first.includes(":") ? "IPv6" : "IPv4";
  return `nodes${selector === "all()" ? "" : ` with ${selector}`} (${family})`;
}
