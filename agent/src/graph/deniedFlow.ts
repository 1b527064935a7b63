/** A packet that the kernel says policy denied, with the rule of those in force that denies it. */
import type { DeniedFlow, FlowEnd } from "@brindle/api";
import { type Address, formatAddress, type IpPacket } from "@brindle/net";
import { type ChainVerdicts, formatPolicyName, protocolName, ruleNameOf } from "@brindle/policy";

export interface DeniedFlowFacts {
  readonly atMs: number;
  readonly packet: IpPacket;
  /** `null` before any chains are in force. */
  readonly verdicts: ChainVerdicts | null;
  /** `namespace/name` of the pod at an address. */
  podAt(address: Address): string | undefined;
}

export function deniedFlow({ atMs, packet, verdicts, podAt }: DeniedFlowFacts): DeniedFlow {
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
    ...denial(verdicts, packet),
  };
}

function denial(verdicts: ChainVerdicts | null, packet: IpPacket): Pick<DeniedFlow, "direction" | "deniedBy" | "rule"> {
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
