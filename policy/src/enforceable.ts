/**
 * What of a policy can be enforced as it is written. Validation tells of the rest when it is stored; this is for what
 * came into the datastore all the same, as by a client of Calico. It fails closed (`closedPolicy.ts`).
 */
import {
  type EntityRule,
  type GlobalPolicySpec,
  type Profile,
  parseSelector,
  type Rule,
  type WorkloadEndpoint,
} from "@brindle/api";
import { parseCidr } from "@brindle/net";
import { closedPolicy, type PolicyKey } from "./closedPolicy.ts";
import type { Policy } from "./cluster.ts";
import { isIcmp, protocolNumber, protocolNumbers } from "./packet.ts";
import { parsePorts } from "./ports.ts";
import { type Tiers, unknownTier } from "./tiers.ts";

export interface Enforceable<R> {
  /** What to enforce in its place; `null` when nothing can be, since it is not known for whom it would be. */
  readonly resource: R | null;
  readonly problem: string | null;
}

/** Why something could not be read, and what of it could: see `Undecodable` of the store. */
export interface Unreadable {
  readonly reason: string;
  readonly partial?: unknown;
}

export function enforceablePolicy(policy: Policy): Enforceable<Policy> {
  const known = enforceables.get(policy);
  if (known) return known;
  const enforceable = judgedPolicy(policy);
  enforceables.set(policy, enforceable);
  return enforceable;
}

/** A resource never changes, so neither does what it comes to; `evaluate` asks for every packet. */
const enforceables = new WeakMap<Policy, Enforceable<Policy>>();

function judgedPolicy(policy: Policy): Enforceable<Policy> {
  const { spec } = policy;
  const problem = policyProblem(spec) ?? selectorProblem(namespaceSelectorOf(policy), "spec.namespaceSelector");
  return problem ? closedFor(policy, problem) : { resource: policy, problem };
}

/** In the place of a policy that names a tier which does not exist, and of no other. */
export function tieredPolicy(policy: Policy, tiers: Tiers): Enforceable<Policy> {
  const { tier } = policy.spec;
  if (tier === unknownTier || tiers.has(tier)) return { resource: policy, problem: null };
  return closedFor(policy, `spec.tier: there is no tier ${JSON.stringify(tier)}`);
}

function closedFor(policy: Policy, problem: string): Enforceable<Policy> {
  const { kind, metadata } = policy;
  const { namespace, name } = metadata;
  const closed = closedPolicy({ kind, name, ...(namespace !== undefined && { namespace }) }, policy);
  return { resource: closed.policy, problem: `${problem}; ${closed.width}` };
}

/** In the place of what is stored under the key of a policy and cannot be read. */
export function unreadablePolicy(key: PolicyKey, unread: Unreadable): Enforceable<Policy> {
  const { policy, width } = closedPolicy(key, unread.partial);
  return { resource: policy, problem: `${unread.reason}; ${width}` };
}

/** An endpoint whose interface the dispatch would not see, or iptables not take, is as one that is not wired yet. */
export function enforceableEndpoint(endpoint: WorkloadEndpoint): Enforceable<WorkloadEndpoint> {
  const { interfaceName, ...rest } = endpoint.spec;
  if (!interfaceName || podInterfaceName.test(interfaceName)) return { resource: endpoint, problem: null };
  const problem = `spec.interfaceName: ${JSON.stringify(interfaceName)} is no name of a pod's interface, as cali1a2b3c4d5e6`;
  return { resource: { ...endpoint, spec: rest }, problem };
}

export function enforceableProfile(profile: Profile): Enforceable<Profile> {
  const problem = rulesProblem(profile.spec);
  if (!problem) return { resource: profile, problem };
  return { resource: { ...profile, spec: { ...profile.spec, ingress: [], egress: [] } }, problem };
}

/** The first problem of what a policy says, with its path, or `null`. */
function policyProblem(spec: GlobalPolicySpec): string | null {
  return (
    selectorProblem(spec.serviceAccountSelector, "spec.serviceAccountSelector") ??
    selectorProblem(spec.selector, "spec.selector") ??
    rulesProblem(spec)
  );
}

function rulesProblem(owner: { readonly ingress?: readonly Rule[]; readonly egress?: readonly Rule[] }): string | null {
  for (const direction of ["ingress", "egress"] as const) {
    for (const [index, rule] of (owner[direction] ?? []).entries()) {
      const problem = ruleProblem(rule);
      if (problem) return `spec.${direction}[${index}]: ${problem}`;
    }
  }
  return null;
}

function namespaceSelectorOf(policy: Policy): string | undefined {
  return policy.kind === "GlobalNetworkPolicy" ? policy.spec.namespaceSelector : undefined;
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

/** IFNAMSIZ leaves 15 characters. */
const podInterfaceName = /^cali[A-Za-z0-9_.-]{1,11}$/;

/** The protocols whose ports the kernel's matches read. */
const portProtocols: ReadonlySet<number | undefined> = new Set([
  protocolNumbers.tcp,
  protocolNumbers.udp,
  protocolNumbers.sctp,
  protocolNumbers.udplite,
]);

/** A port's name brings its protocol along; a number means nothing without one. */
function entityProblem(name: string, entity: EntityRule, protocol: number | null): string | null {
  if (entity.services) return `${name}: services are not enforced yet`;
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
  return (
    selectorProblem(entity.selector, `${name}.selector`) ??
    selectorProblem(entity.serviceAccounts?.selector, `${name}.serviceAccounts.selector`) ??
    selectorProblem(entity.notSelector, `${name}.notSelector`) ??
    selectorProblem(entity.namespaceSelector, `${name}.namespaceSelector`)
  );
}

function selectorProblem(text: string | undefined, path: string): string | null {
  const parsed = parseSelector(text ?? "");
  return parsed.kind === "malformed" ? `${path}: ${JSON.stringify(text)} is no selector: ${parsed.reason}` : null;
}
