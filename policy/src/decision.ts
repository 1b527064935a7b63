/** The walk through policies and profiles for one end of a packet. */
import type { PolicyDirection, Rule, RuleAction } from "@brindle/api";
import { type Address, containsAddress, sameAddress } from "@brindle/net";
import { type Cluster, endpointAddresses, labelled, type Policy, policyName } from "./cluster.ts";
import type { EffectiveTier } from "./effective.ts";
import { enforceableProfile } from "./enforceable.ts";
import type { Decider, DirectionResult, PassedOver } from "./evaluate.ts";
import { hostAddresses, labelledHost } from "./hosts.ts";
import { mismatch, type RuleContext, type RuleEndpoint } from "./matchRule.ts";
import { labelledSet, networksOf } from "./networkSet.ts";
import { type Packet, protocolNumber } from "./packet.ts";
import { backendsOf, isOfService } from "./service.ts";

/** Who is asked about. */
export interface Subject {
  /** `namespace/name` of a pod's endpoint, `HostEndpoint name` of a host's. */
  readonly id: string;
  /** Those that have policies for it, in order. */
  readonly tiers: readonly EffectiveTier[];
  readonly profiles: readonly string[];
}

/** What comes of one tier. */
type TierResult = { readonly decided: DirectionResult } | "passedOn" | "unmatched";

export class Decision {
  readonly #cluster: Cluster;
  readonly #packet: Packet;
  readonly #subject: Subject;
  readonly #direction: PolicyDirection;
  readonly #passedOver: PassedOver[] = [];

  constructor(cluster: Cluster, packet: Packet, subject: Subject, direction: PolicyDirection) {
    this.#cluster = cluster;
    this.#packet = packet;
    this.#subject = subject;
    this.#direction = direction;
  }

  /** Of an endpoint, and of a host for what its own processes send and receive. */
  run(): DirectionResult {
    // 1. The tiers that have policies for it, in order: each decides or passes on.
    for (const tier of this.#subject.tiers) {
      const decided = this.#tierOrDefault(tier);
      if (decided) return decided;
    }
    // 2. What all pass on, and an endpoint that no policy selects, is for its profiles.
    return this.#profiles();
  }

  /** Of what a host forwards: profiles say nothing there. `null` where all tiers pass on, or there is none. */
  ofTiers(): DirectionResult | null {
    for (const tier of this.#subject.tiers) {
      const decided = this.#tierOrDefault(tier);
      if (decided) return decided;
    }
    return null;
  }

  /** Only what a rule says; `null` where none does. */
  explicit(): DirectionResult | null {
    for (const tier of this.#subject.tiers) {
      const result = this.#tier(tier);
      if (typeof result === "object") return result.decided;
    }
    return null;
  }

  /** `null` when it passes on. */
  #tierOrDefault(tier: EffectiveTier): DirectionResult | null {
    const result = this.#tier(tier);
    if (typeof result === "object") return result.decided;
    if (result === "passedOn") return null;
    // What none of its policies allows is denied, unless the tier says otherwise.
    const { name, defaultAction } = tier.tier;
    if (defaultAction === "Deny") {
      return this.#decided({ kind: "noPolicyRule", tier: name, policies: tier.policies.map(policyName) });
    }
    const owner = { kind: "Tier", name, namespace: null } as const;
    this.#passedOver.push({ owner, rule: null, reason: "passes on what none of its policies decides" });
    return null;
  }

  /** The policies in order: the first rule that matches decides, unless it passes on. */
  #tier({ tier, policies }: EffectiveTier): TierResult {
    for (const policy of policies) {
      const owner = policyName(policy);
      const found = this.#firstMatch(owner, this.#rulesOf(policy.spec), namespaceOf(policy));
      if (found?.action === "Pass") return "passedOn";
      if (found) return { decided: this.#decided({ kind: "policyRule", tier: tier.name, policy: owner, ...found }) };
    }
    return "unmatched";
  }

  #profiles(): DirectionResult {
    const { profiles } = this.#subject;
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
    const { endpointSlices = [] } = this.#cluster;
    const context: RuleContext = {
      namespace,
      endpointsAt: (address) => endpointsAt(this.#cluster, address),
      backendsOf: (service) => endpointSlices.filter((slice) => isOfService(slice, service)).map(backendsOf),
    };
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
    const { direction, endpoint } = { direction: this.#direction, endpoint: this.#subject.id };
    return { direction, endpoint, verdict: allows ? "allow" : "deny", decidedBy, passedOver: this.#passedOver };
  }
}

function namespaceOf(policy: Policy): string | null {
  return policy.metadata.namespace ?? null;
}

/** Endpoints that hold an address, hosts that are expected to, and sets of networks that contain it: selectors find all. */
function endpointsAt(cluster: Cluster, address: Address): RuleEndpoint[] {
  const profileOf = (name: string) => cluster.profiles.find((profile) => profile.metadata.name === name);
  const sets = (cluster.networkSets ?? [])
    .filter((set) => networksOf(set).some((network) => containsAddress(network, address)))
    .map((set) => ({ ...labelledSet(set, profileOf), ports: [] }));
  const hosts = (cluster.hostEndpoints ?? [])
    .filter((host) => hostAddresses(host).some((own) => sameAddress(own, address)))
    .map((host) => ({ ...labelledHost(host, profileOf), ports: portsOf(host.spec.ports) }));
  const endpoints = cluster.endpoints
    .filter((endpoint) => endpointAddresses(endpoint).some((own) => sameAddress(own, address)))
    .map((endpoint) => ({ ...labelled(endpoint, profileOf), ports: portsOf(endpoint.spec.ports) }));
  return [...endpoints, ...hosts, ...sets];
}

function portsOf(
  ports: readonly { readonly name: string; readonly protocol: string | number; readonly port: number }[] = [],
): RuleEndpoint["ports"] {
  return ports.map(({ name, protocol, port }) => ({ name, protocol: protocolNumber(protocol), port }));
}
