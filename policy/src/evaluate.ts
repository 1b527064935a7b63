/**
 * What policy says about a packet: the meaning that the rendered chains are tested against, and what `explain` prints.
 * Slow and obvious on purpose: it scans everything, keeps nothing, and shares no code with the rendering but the
 * reading of selectors. It speaks of the first packet of a flow (replies are conntrack's) and trusts the source
 * address (the rendering guards it).
 */
import type { PolicyDirection, RuleAction, WorkloadEndpoint } from "@brindle/api";
import { type Address, sameAddress } from "@brindle/net";
import { type Cluster, endpointAddresses, endpointId, type PolicyName } from "./cluster.ts";
import { Decision } from "./decision.ts";
import { effectiveTiers } from "./effective.ts";
import { encapsulationOf, isEncapsulated } from "./encapsulated.ts";
import { evaluateHosts } from "./evaluateHosts.ts";
import type { Packet } from "./packet.ts";

export type Verdict = "allow" | "deny";

/** Both ends decide, the source's egress and the destination's ingress, and the host endpoints of the nodes between them. */
export interface Evaluation {
  readonly verdict: Verdict;
  readonly egress: DirectionResult;
  readonly ingress: DirectionResult;
  /** In the order in which they are asked, up to the first that denies. Empty where none has a say. */
  readonly hosts: readonly DirectionResult[];
}

export interface DirectionResult {
  readonly direction: PolicyDirection;
  /** `namespace/name` of the endpoint at this end, `HostEndpoint name` of a host's; `null` where there is none. */
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
  | { readonly kind: "noProfileRule"; readonly profiles: readonly string[] }
  /** A port of a host that no policy closes. */
  | { readonly kind: "failsafe" };

export interface PassedOver {
  readonly owner: PolicyName | { readonly kind: "Profile" | "Tier"; readonly name: string; readonly namespace: null };
  /** From zero; `null` for the whole owner: a profile that does not exist, a tier that passes on. */
  readonly rule: number | null;
  readonly reason: string;
}

export function evaluate(cluster: Cluster, packet: Packet): Evaluation {
  const egress = decide(cluster, packet, "Egress");
  const ingress = decide(cluster, packet, "Ingress");
  const hosts = evaluateHosts(cluster, packet);
  const isAllowed = [egress, ingress, ...hosts].every(({ verdict }) => verdict === "allow");
  return { verdict: isAllowed ? "allow" : "deny", egress, ingress, hosts };
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
  if (direction === "Egress" && isEncapsulated(encapsulationOf(cluster), packet)) {
    return { ...allowed("noEndpoint"), verdict: "deny", decidedBy: { kind: "encapsulated" } };
  }
  const farIsOwnNode = cluster.nodes?.get(endpoint.spec.node)?.some((address) => sameAddress(address, far)) ?? false;
  if (farIsOwnNode && direction === "Ingress") return allowed("fromOwnNode");

  const subject = {
    id: endpointId(endpoint),
    tiers: effectiveTiers(cluster, endpoint, direction),
    profiles: endpoint.spec.profiles ?? [],
  };
  const decided = new Decision(cluster, packet, subject, direction).run();
  if (farIsOwnNode && decided.verdict === "allow" && (cluster.endpointToHostAction ?? "Drop") === "Drop") {
    return { ...decided, verdict: "deny", decidedBy: { kind: "toOwnNode" } };
  }
  return decided;
}

function holds(endpoint: WorkloadEndpoint, address: Address): boolean {
  return endpointAddresses(endpoint).some((own) => sameAddress(own, address));
}
