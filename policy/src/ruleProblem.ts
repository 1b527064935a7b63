/**
 * What makes a policy one that we cannot enforce as it is written. Validation refuses such policies when they are
 * stored; this is for those that came into the datastore another way.
 */
import { type EntityRule, type GlobalPolicySpec, parseSelector, type Rule } from "@brindle/api";
import { parseCidr } from "@brindle/net";
import { isIcmp, protocolNumber, protocolNumbers } from "./packet.ts";
import { parsePorts } from "./ports.ts";

/** The first problem with its path, or `null`. Profiles have a part of the same fields. */
export function policyProblem(spec: GlobalPolicySpec): string | null {
  if (spec.tier && spec.tier !== "default") return `spec.tier: only the tier "default" is enforced`;
  for (const field of ["serviceAccountSelector", "doNotTrack", "preDNAT", "applyOnForward"] as const) {
    if (spec[field]) return `spec.${field} is not enforced yet`;
  }
  const selector = selectorProblem(spec.selector) ?? selectorProblem(spec.namespaceSelector);
  if (selector) return `spec: ${selector}`;
  for (const direction of ["ingress", "egress"] as const) {
    for (const [index, rule] of (spec[direction] ?? []).entries()) {
      const problem = ruleProblem(rule);
      if (problem) return `spec.${direction}[${index}]: ${problem}`;
    }
  }
  return null;
}

function ruleProblem(rule: Rule): string | null {
  if (rule.http) return "http is not enforced yet";
  const protocol = rule.protocol === undefined ? null : protocolNumber(rule.protocol);
  if (rule.protocol !== undefined && protocol === null) return `protocol ${rule.protocol} is not known`;
  if (rule.notProtocol !== undefined && protocolNumber(rule.notProtocol) === null) return "notProtocol is not known";
  if ((rule.icmp || rule.notICMP) && (protocol === null || !isIcmp(protocol))) {
    return "icmp and notICMP need the protocol ICMP or ICMPv6";
  }
  return (
    entityProblem("source", rule.source ?? {}, protocol) ??
    entityProblem("destination", rule.destination ?? {}, protocol)
  );
}

/** The protocols whose ports the kernel's matches read. */
const portProtocols: ReadonlySet<number | undefined> = new Set([
  protocolNumbers.tcp,
  protocolNumbers.udp,
  protocolNumbers.sctp,
  protocolNumbers.udplite,
]);

/** A port's name brings its protocol along; a number means nothing without one. */
function entityProblem(name: string, entity: EntityRule, protocol: number | null): string | null {
  if (entity.services || entity.serviceAccounts) return `${name}: services and serviceAccounts are not enforced yet`;
  for (const [field, ports] of Object.entries({ ports: entity.ports, notPorts: entity.notPorts })) {
    const parsed = parsePorts(ports ?? []);
    if (!parsed) return `${name}.${field} has an entry that is no port`;
    if (parsed.ranges.length > 0 && (protocol === null || !portProtocols.has(protocol))) {
      return `${name}.${field} need the protocol TCP, UDP, SCTP or UDPLite`;
    }
  }
  for (const net of [...(entity.nets ?? []), ...(entity.notNets ?? [])]) {
    if (!parseCidr(net)) return `${name}: ${net} is not a CIDR`;
  }
  const selectors = [entity.selector, entity.notSelector, entity.namespaceSelector];
  const problem = selectors.map(selectorProblem).find((found) => found !== null);
  return problem ? `${name}: ${problem}` : null;
}

function selectorProblem(text: string | undefined): string | null {
  const parsed = parseSelector(text ?? "");
  return parsed.kind === "malformed" ? `selector ${JSON.stringify(text)}: ${parsed.reason}` : null;
}
