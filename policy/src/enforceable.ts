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
  unreadRulesAnnotation,
  type WorkloadEndpoint,
} from "@brindle/api";
import { parseCidr } from "@brindle/net";
import { closedPolicy, type PolicyKey } from "./closedPolicy.ts";
import type { Policy } from "./cluster.ts";
import { isIcmp, protocolNumber, protocolNumbers } from "./packet.ts";
import { parsePorts } from "./ports.ts";
import { namesServices } from "./service.ts";
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
  const enforceable = judgePolicy(policy);
  enforceables.set(policy, enforceable);
  return enforceable;
}

/** A resource never changes, so neither does what it comes to; `evaluate` asks for every packet. */
const enforceables = new WeakMap<Policy, Enforceable<Policy>>();

/** The same for who asks once of each policy, and keeps the answer. */
export function judgePolicy(policy: Policy): Enforceable<Policy> {
  const { spec, metadata } = policy;
  const problem =
    policyProblem(spec, metadata.namespace ?? null) ??
    selectorProblem(namespaceSelectorOf(policy), "spec", "namespaceSelector");
  return problem ? closedFor(policy, problem) : { resource: policy, problem: unreadRulesOf(policy) };
}

/** Of a ClusterNetworkPolicy: such rules were closed when it was read, and the others hold. */
function unreadRulesOf({ metadata: { annotations } }: Policy): string | null {
  const unread = annotations?.[unreadRulesAnnotation];
  return unread
    ? `${unread}; such a rule accepts nothing, and where it would deny or pass on it denies everything`
    : null;
}

/** What the rest of the cluster has to say about whether a policy can be enforced. */
export interface PolicySurroundings {
  readonly tiers: Tiers;
  /** Why nobody can tell what is behind Services; `null` where somebody can. */
  readonly unserved: string | null;
}

/** What is enforced in the place of a policy, in its cluster. */
export function enforcedPolicy(policy: Policy, around: PolicySurroundings): Enforceable<Policy> {
  const { resource, problem } = enforceablePolicy(policy);
  if (!resource) return { resource, problem };
  const surrounded = surroundedPolicy(resource, around);
  return { resource: surrounded.resource, problem: problem ?? surrounded.problem };
}

/** In the place of one that could be enforced as it is written: its tier does not exist, or what is behind Services is not known. */
export function surroundedPolicy(policy: Policy, { tiers, unserved }: PolicySurroundings): Enforceable<Policy> {
  const { tier } = policy.spec;
  if (tier !== unknownTier && !tiers.has(tier)) {
    return closedFor(policy, `spec.tier: there is no tier ${JSON.stringify(tier)}`);
  }
  if (unserved === null || !asksForServices(policy)) return { resource: policy, problem: null };
  return closedFor(policy, `its rules name Services: ${unserved}`);
}

/** Where there is nobody to ask. */
export const noServicesKnown = "there is no Kubernetes here that says what is behind them";

export function asksForServices(policy: Policy): boolean {
  const { ingress = noRules, egress = noRules } = policy.spec;
  return namesServices(ingress) || namesServices(egress);
}

const noRules: readonly Rule[] = [];

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
  if (!endpoint.spec.interfaceName || podInterfaceName.test(endpoint.spec.interfaceName)) {
    return { resource: endpoint, problem: null };
  }
  const { interfaceName, ...rest } = endpoint.spec;
  const problem = `spec.interfaceName: ${JSON.stringify(interfaceName)} is no name of a pod's interface, as cali1a2b3c4d5e6`;
  return { resource: { ...endpoint, spec: rest }, problem };
}

export function enforceableProfile(profile: Profile): Enforceable<Profile> {
  const problem = rulesProblem(profile.spec, null) ?? profileServiceProblem(profile);
  if (!problem) return { resource: profile, problem };
  return { resource: { ...profile, spec: { ...profile.spec, ingress: [], egress: [] } }, problem };
}

/** The first problem of what a policy says, with its path, or `null`. */
function policyProblem(spec: GlobalPolicySpec, namespace: string | null): string | null {
  return (
    selectorProblem(spec.serviceAccountSelector, "spec", "serviceAccountSelector") ??
    selectorProblem(spec.selector, "spec", "selector") ??
    rulesProblem(spec, namespace)
  );
}

interface RuleOwner {
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
}

/** `namespace`: that of the owner, `null` where it has none. */
function rulesProblem(owner: RuleOwner, namespace: string | null): string | null {
  for (const direction of ["ingress", "egress"] as const) {
    const rules = owner[direction] ?? noRules;
    for (let index = 0; index < rules.length; index++) {
      const rule = rules[index] ?? null;
      const problem = rule && (ruleProblem(rule) ?? serviceProblem(rule, direction, namespace));
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
  return entityProblem("source", rule.source, protocol) ?? entityProblem("destination", rule.destination, protocol);
}

/** A Service stands at the far end, for its addresses, and as a destination for its ports; nothing else may say which. */
function serviceProblem(rule: Rule, direction: "ingress" | "egress", namespace: string | null): string | null {
  if (!rule.source?.services && !rule.destination?.services) return null; // Of a hundred thousand rules nearly all.
  const { source = {}, destination = {} } = rule;
  const [far, own] =
    direction === "ingress" ? (["source", "destination"] as const) : (["destination", "source"] as const);
  const entities = { source, destination };
  if (entities[own].services) return `${own}.services have no meaning in ${direction} rules`;
  const { services, ...rest } = entities[far];
  if (!services) return null;
  if (!services.name) return `${far}.services need a name`;
  if (!services.namespace && namespace === null) return `${far}.services need a namespace, as the policy has none`;
  const beside = besideServices.filter((field) => isGiven(rest[field]));
  const withPorts =
    direction === "egress" ? (["ports", "notPorts"] as const).filter((field) => isGiven(rest[field])) : [];
  const [other] = [...beside, ...withPorts];
  return other ? `${far}.services cannot be given together with ${other}` : null;
}

const besideServices = ["nets", "notNets", "selector", "notSelector", "namespaceSelector", "serviceAccounts"] as const;

function isGiven(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

/** A profile is of no namespace and of no policy: it is not closed for the lack of a Kubernetes, and so has none. */
function profileServiceProblem({ spec: { ingress = [], egress = [] } }: Profile): string | null {
  return namesServices([...ingress, ...egress]) ? "services are not enforced in a profile" : null;
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
function entityProblem(name: string, entity: EntityRule | undefined, protocol: number | null): string | null {
  if (entity === undefined) return null; // Most rules have one side, and a cluster a hundred thousand rules.
  const { ports, notPorts, nets, notNets } = entity;
  return (
    (ports ? portsProblem(`${name}.ports`, ports, protocol) : null) ??
    (notPorts ? portsProblem(`${name}.notPorts`, notPorts, protocol) : null) ??
    (nets ? netsProblem(name, nets) : null) ??
    (notNets ? netsProblem(name, notNets) : null) ??
    selectorProblem(entity.selector, name, "selector") ??
    selectorProblem(entity.serviceAccounts?.selector, name, "serviceAccounts.selector") ??
    selectorProblem(entity.notSelector, name, "notSelector") ??
    selectorProblem(entity.namespaceSelector, name, "namespaceSelector")
  );
}

function portsProblem(path: string, ports: NonNullable<EntityRule["ports"]>, protocol: number | null): string | null {
  const parsed = parsePorts(ports);
  if (!parsed) return `${path} has an entry that is no port`;
  const needsProtocol = parsed.ranges.length > 0 && (protocol === null || !portProtocols.has(protocol));
  return needsProtocol ? `${path} need the protocol TCP, UDP, SCTP or UDPLite` : null;
}

function netsProblem(name: string, nets: readonly string[]): string | null {
  const wrong = nets.find((net) => !parseCidr(net));
  return wrong === undefined ? null : `${name}: ${wrong} is not a CIDR`;
}

function selectorProblem(text: string | undefined, owner: string, field: string): string | null {
  if (text === undefined || text === "") return null;
  const parsed = parseSelector(text);
  if (parsed.kind === "selector") return null;
  return `${owner}.${field}: ${JSON.stringify(text)} is no selector: ${parsed.reason}`;
}
