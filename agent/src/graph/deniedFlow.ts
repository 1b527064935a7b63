/** A packet that the kernel says policy denied, with the rule of those in force that denies it. */
import type { DeniedFlow, FirstPacket, FlowEnd, FlowToDeny, StagedEffect } from "@brindle/api";
import { type Address, formatAddress } from "@brindle/net";
import {
  type ChainVerdicts,
  formatPolicyName,
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
  /** `null` before any chains are in force. */
  readonly verdicts: ChainVerdicts | null;
  readonly staged: StagedVerdict | null;
}

export function deniedFlow({ verdicts, staged, ...facts }: DeniedFlowFacts): DeniedFlow {
  const effect = staged && { staged: stagedEffect(staged) };
  return { ...firstPacket(facts), ...denial(verdicts, facts.packet), ...effect };
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

function stagedEffect({ verdict, direction, by, stages }: StagedVerdict): StagedEffect {
  return { verdict, direction: direction === "Ingress" ? "ingress" : "egress", by, policies: stages };
}

function denial(verdicts: ChainVerdicts | null, packet: Packet): Pick<DeniedFlow, "direction" | "deniedBy" | "rule"> {
  const verdict = verdicts?.of(packet) ?? null;
  if (verdict?.verdict !== "deny") return { direction: null, deniedBy: "a policy that has changed since" };
  const direction = verdict.direction === "Ingress" ? "ingress" : "egress";
  const name = ruleNameOf(verdict.rule);
  if (!name) return { direction, deniedBy: verdict.rule };
  const { kind, namespace, name: owner } = name.owner;
  const title = kind === "Profile" ? `Profile ${owner}` : formatPolicyName({ kind, namespace, name: owner });
  return {
    direction,
    deniedBy: `${title}, ${direction} rule ${name.rule}`,
    rule: { kind, ...(namespace !== null && { namespace }), name: owner, index: name.rule },
  };
}
