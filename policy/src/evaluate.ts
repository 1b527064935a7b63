/**
 * What policy says about a packet: the meaning that the rendered chains are tested against, and what `explain` prints.
 * Slow and obvious on purpose: it scans everything, keeps nothing, and shares no code with the rendering but the
 * reading of selectors. It speaks of the first packet of a flow (replies are conntrack's) and trusts the source
 * address (the rendering guards it).
 */
import type { PolicyDirection, Rule, RuleAction, WorkloadEndpoint } from "@brindle/api";
import { type Address, containsAddress, sameAddress } from "@brindle/net";
import {
  type Cluster,
  endpointAddresses,
  endpointId,
  labelled,
  type Policy,
  type PolicyName,
  policyName,
} from "./cluster.ts";
import { effectiveTiers } from "./effective.ts";
import { enforceableProfile } from "./enforceable.ts";
import { mismatch, type RuleContext, type RuleEndpoint } from "./matchRule.ts";
import { labelledSet, networksOf } from "./networkSet.ts";
import { type Packet, protocolNumber, protocolNumbers } from "./packet.ts";
import type { PolicyTier } from "./tiers.ts";

export type Verdict = "allow" | "deny";

/** Both ends decide: the source's egress and the destination's ingress. */
export interface Evaluation {
  readonly verdict: Verdict;
  readonly egress: DirectionResult;
  readonly ingress: DirectionResult;
}

export interface DirectionResult {
  readonly direction: PolicyDirection;
  /** `namespace/name` of the endpoint at this end; `null` where there is none. */
  readonly endpoint: string | null;
  readonly verdict: Verdict;
  readonly decidedBy: Decider;
  /** The rules that came before and did not decide, in order. */
  readonly passedOver: readonly PassedOver[];
}

export type Decider =
  | { readonly kind: "noEndpoint" }
  /** Traffic of an endpoint with itself stays in its namespace. */
  | { readonly kind: "sameEndpoint" }
  /** A node always reaches its own pods: the kubelet's probes must not depend on policy. */
  | { readonly kind: "fromOwnNode" }
  /** A pod may not send tunnels' packets. */
  | { readonly kind: "encapsulated" }
  /** Policy allows it, `endpointToHostAction` does not. */
  | { readonly kind: "toOwnNode" }
  | {
      readonly kind: "policyRule";
      readonly tier: string;
      readonly policy: PolicyName;
      readonly rule: number;
      readonly action: RuleAction;
    }
  /** Policies of the tier select the endpoint, no rule of theirs matched, and the tier denies then. */
  | { readonly kind: "noPolicyRule"; readonly tier: string; readonly policies: readonly PolicyName[] }
  | { readonly kind: "profileRule"; readonly profile: string; readonly rule: number; readonly action: RuleAction }
  | { readonly kind: "noProfileRule"; readonly profiles: readonly string[] };

export interface PassedOver {
  readonly owner: PolicyName | { readonly kind: "Profile" | "Tier"; readonly name: string; readonly namespace: null };
  /** From zero; `null` for the whole owner: a profile that does not exist, a tier that passes on. */
  readonly rule: number | null;
  readonly reason: string;
}

export function evaluate(cluster: Cluster, packet: Packet): Evaluation {
  const egress = decide(cluster, packet, "Egress");
  const ingress = decide(cluster, packet, "Ingress");
  return { verdict: egress.verdict === "allow" ? ingress.verdict : "deny", egress, ingress };
}

function decide(cluster: Cluster, packet: Packet, direction: PolicyDirection): DirectionResult {
  const [near, far] =
    direction === "Egress" ? [packet.source, packet.destination] : [packet.destination, packet.source];
  const endpoint = cluster.endpoints.find((candidate) => holds(candidate, near));
  const allowed = (kind: "noEndpoint" | "sameEndpoint" | "fromOwnNode"): DirectionResult => {
    const id = endpoint ? endpointId(endpoint) : null;
    return { direction, endpoint: id, verdict: "allow", decidedBy: { kind }, passedOver: [] };
  };
  if (!endpoint) return allowed("noEndpoint");
  if (holds(endpoint, far)) return allowed("sameEndpoint");
  if (direction === "Egress" && isEncapsulated(cluster, packet)) {
    return { ...allowed("noEndpoint"), verdict: "deny", decidedBy: { kind: "encapsulated" } };
  }
  const farIsOwnNode = cluster.nodes?.get(endpoint.spec.node)?.some((address) => sameAddress(address, far)) ?? false;
  if (farIsOwnNode && direction === "Ingress") return allowed("fromOwnNode");

  const decided = new Decision(cluster, packet, endpoint, direction).run();
  if (farIsOwnNode && decided.verdict === "allow" && (cluster.endpointToHostAction ?? "Drop") === "Drop") {
    return { ...decided, verdict: "deny", decidedBy: { kind: "toOwnNode" } };
  }
  return decided;
}

function isEncapsulated({ encapsulation }: Cluster, { protocol, destinationPort }: Packet): boolean {
  const { vxlan = "Drop", vxlanPort = 4789, ipip = "Drop" } = encapsulation ?? {};
  if (protocol === 4) return ipip === "Drop";
  return protocol === protocolNumbers.udp && destinationPort === vxlanPort && vxlan === "Drop";
}

/** The walk through policies and profiles for one end. */
class Decision {
  readonly #cluster: Cluster;
  readonly #packet: Packet;
  readonly #endpoint: WorkloadEndpoint;
  readonly #direction: PolicyDirection;
  readonly #passedOver: PassedOver[] = [];

  constructor(cluster: Cluster, packet: Packet, endpoint: WorkloadEndpoint, direction: PolicyDirection) {
    this.#cluster = cluster;
    this.#packet = packet;
    this.#endpoint = endpoint;
    this.#direction = direction;
  }

  run(): DirectionResult {
    // 1. The tiers that have policies for the endpoint, in order: each decides or passes on.
    for (const { tier, policies } of effectiveTiers(this.#cluster, this.#endpoint, this.#direction)) {
      const decided = this.#tier(tier, policies);
      if (decided) return decided;
    }
    // 2. What all pass on, and an endpoint that no policy selects, is for its profiles.
    return this.#profiles();
  }

  /** `null` when it passes on. */
  #tier(tier: PolicyTier, policies: readonly Policy[]): DirectionResult | null {
    // 1. The policies in order: the first rule that matches decides, unless it passes on.
    for (const policy of policies) {
      const owner = policyName(policy);
      const found = this.#firstMatch(owner, this.#rulesOf(policy.spec), policy.metadata.namespace ?? null);
      if (found?.action === "Pass") return null;
      if (found) return this.#decided({ kind: "policyRule", tier: tier.name, policy: owner, ...found });
    }
    // 2. What none of them allows is denied, unless the tier says otherwise.
    if (tier.defaultAction === "Deny") {
      return this.#decided({ kind: "noPolicyRule", tier: tier.name, policies: policies.map(policyName) });
    }
    const owner = { kind: "Tier", name: tier.name, namespace: null } as const;
    this.#passedOver.push({ owner, rule: null, reason: "passes on what none of its policies decides" });
    return null;
  }

  #profiles(): DirectionResult {
    const profiles = this.#endpoint.spec.profiles ?? [];
    for (const name of profiles) {
      const owner = { kind: "Profile", name, namespace: null } as const;
      const profile = this.#cluster.profiles.find((candidate) => candidate.metadata.name === name);
      if (!profile) this.#passedOver.push({ owner, rule: null, reason: "does not exist" });
      const found =
        profile && this.#firstMatch(owner, this.#rulesOf(enforceableProfile(profile).resource?.spec ?? {}), null);
      // A profile has nothing to pass on to.
      if (found) return this.#decided({ kind: "profileRule", profile: name, ...found });
    }
    return this.#decided({ kind: "noProfileRule", profiles });
  }

  #firstMatch(
    owner: PassedOver["owner"],
    rules: readonly Rule[],
    namespace: string | null,
  ): { rule: number; action: RuleAction } | null {
    const context: RuleContext = { namespace, endpointsAt: (address) => endpointsAt(this.#cluster, address) };
    for (const [index, rule] of rules.entries()) {
      const reason = mismatch(rule, this.#packet, context);
      if (reason === null && rule.action !== "Log") return { rule: index, action: rule.action };
      this.#passedOver.push({ owner, rule: index, reason: reason ?? "logs and goes on" });
    }
    return null;
  }

  #rulesOf(spec: { readonly ingress?: readonly Rule[]; readonly egress?: readonly Rule[] }): readonly Rule[] {
    return (this.#direction === "Egress" ? spec.egress : spec.ingress) ?? [];
  }

  #decided(decidedBy: Decider): DirectionResult {
    const allows = "action" in decidedBy && decidedBy.action === "Allow";
    const { direction, endpoint } = { direction: this.#direction, endpoint: endpointId(this.#endpoint) };
    return { direction, endpoint, verdict: allows ? "allow" : "deny", decidedBy, passedOver: this.#passedOver };
  }
}

/** Endpoints that hold an address and sets of networks that contain it: selectors find both. */
function endpointsAt(cluster: Cluster, address: Address): RuleEndpoint[] {
  const sets = (cluster.networkSets ?? [])
    .filter((set) => networksOf(set).some((network) => containsAddress(network, address)))
    .map((set) => ({ ...labelledSet(set, profileOf(cluster)), ports: [] }));
  const endpoints = cluster.endpoints
    .filter((endpoint) => holds(endpoint, address))
    .map((endpoint) => ({
      ...labelled(endpoint, profileOf(cluster)),
      ports: (endpoint.spec.ports ?? []).map(({ name, protocol, port }) => ({
        name,
        protocol: protocolNumber(protocol),
        port,
      })),
    }));
  return [...endpoints, ...sets];
}

function profileOf(cluster: Cluster) {
  return (name: string) => cluster.profiles.find((profile) => profile.metadata.name === name);
}

function holds(endpoint: WorkloadEndpoint, address: Address): boolean {
  return endpointAddresses(endpoint).some((own) => sameAddress(own, address));
}
