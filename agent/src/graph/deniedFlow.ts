/** A packet that the kernel says policy denied, with the rule of those in force that denies it. */
import type { DeniedFlow, FirstPacket, FlowEnd, FlowToDeny, StagedEffect } from "@brindle/api";
import { type Address, formatAddress, type LoggedPacket } from "@brindle/net";
import {
  type ChainVerdict,
  type DenialPlace,
  formatPolicyName,
  hostEndpointOf,
  type Packet,
  protocolName,
  ruleNameOf,
  type StagedVerdict,
} from "@brindle/policy";

export interface FlowFacts {
  readonly atMs: number;
  readonly packet: Packet;
  /** `namespace/name` of the pod at an address. */
  podAt(address: Address): string | undefined;
}

export interface DeniedFlowFacts extends FlowFacts {
  /** What the chains that are in force say; `null` for nothing. */
  readonly verdict: ChainVerdict | null;
  readonly staged: StagedVerdict | null;
}

export function deniedFlow({ verdict, staged, ...facts }: DeniedFlowFacts): DeniedFlow {
  const effect = staged && { staged: stagedEffect(staged) };
  return { ...firstPacket(facts), ...denial(verdict), ...effect };
}

/** Where the kernel denied it; `null` where it does not say, or an interface of it is gone. */
export function denialPlace(
  { hook, inInterface, outInterface, mark }: LoggedPacket,
  interfaceName: (index: number) => string | null,
): DenialPlace | null {
  const from = inInterface === null ? null : interfaceName(inInterface);
  const to = outInterface === null ? null : interfaceName(outInterface);
  const isGone = (inInterface !== null && from === null) || (outInterface !== null && to === null);
  return hook === null || hook === "POSTROUTING" || isGone ? null : { hook, passage: { from, to }, mark };
}

/** Of one that was allowed. */
export function flowToDeny({ staged, ...facts }: FlowFacts & { readonly staged: StagedVerdict }): FlowToDeny {
  return { ...firstPacket(facts), staged: stagedEffect(staged) };
}

function firstPacket({ atMs, packet, podAt }: FlowFacts): FirstPacket {
  const { source, destination, sourcePort, destinationPort, protocol, icmp } = packet;
  const end = (address: Address, port: number | undefined): FlowEnd => {
    const pod = podAt(address);
    return {
      address: formatAddress(address),
      ...(port !== undefined && { port }),
      ...(pod !== undefined && { pod }),
    };
  };
  return {
    atMs,
    source: end(source, sourcePort),
    destination: end(destination, destinationPort),
    protocol: protocolName(protocol),
    ...(icmp && { icmp }),
  };
}

function stagedEffect({ verdict, by, stages, ...at }: StagedVerdict): StagedEffect {
  return { verdict, ...whose(at), by, policies: stages };
}

function whose({ direction, endpoint }: Pick<ChainVerdict, "direction" | "endpoint">): {
  readonly direction: "ingress" | "egress";
  readonly hostEndpoint?: string;
} {
  const host = hostEndpointOf(endpoint);
  return { direction: direction === "Ingress" ? "ingress" : "egress", ...(host !== null && { hostEndpoint: host }) };
}

function denial(verdict: ChainVerdict | null): Pick<DeniedFlow, "direction" | "hostEndpoint" | "deniedBy" | "rule"> {
  if (verdict?.verdict !== "deny") return { direction: null, deniedBy: "a policy that has changed since" };
  const at = whose(verdict);
  const { direction } = at;
  const name = ruleNameOf(verdict.rule);
  if (!name) return { ...at, deniedBy: verdict.rule };
  const { kind, namespace, name: owner } = name.owner;
  const title = kind === "Profile" ? `Profile ${owner}` : formatPolicyName({ kind, namespace, name: owner });
  return {
    ...at,
    deniedBy: `${title}, ${direction} rule ${name.rule}`,
    rule: { kind, ...(namespace !== null && { namespace }), name: owner, index: name.rule },
  };
}
