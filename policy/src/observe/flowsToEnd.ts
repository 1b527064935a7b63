/**
 * Which open flows policy denies by now (`killEstablishedOnDeny`). Conntrack knows a flow by how it was opened, and so does
 * policy: whoever answers is not asked. To forget such a flow would not end it, since the next packet of the side that may
 * speak would open it anew; so it is marked, and what is marked is dropped before it is accepted as known.
 */
import type { Address, Flow } from "@brindle/net";
import type { Packet } from "../packet.ts";
import { endedFlowMark } from "../render/names.ts";
import type { ChainVerdicts, FirstOfFlow } from "./chainVerdicts.ts";
import type { NodeNetwork } from "./passage.ts";

export interface FlowMarks {
  /** To be marked: denied, and not marked yet. */
  readonly toEnd: readonly Flow[];
  /** To lose their mark: allowed again, or of no pod of this node any more. */
  readonly toLet: readonly Flow[];
}

export function flowMarks(flows: Iterable<Flow>, verdicts: ChainVerdicts, network: NodeNetwork): FlowMarks {
  const toEnd: Flow[] = [];
  const toLet: Flow[] = [];
  for (const flow of flows) {
    const isMarked = (flow.mark & endedFlowMark) !== 0;
    const isDenied = !flow.isExpected && verdicts.of(firstOfFlow(flow), network)?.verdict === "deny";
    if (isDenied && !isMarked) toEnd.push(flow);
    if (!isDenied && isMarked) toLet.push(flow);
  }
  return { toEnd, toLet };
}

/** As policy saw its first packet: behind the translation of its destination, before that of its source. */
export function firstOfFlow({ original, reply }: Flow): FirstOfFlow {
  const { source, sourcePort, destination, destinationPort, protocol, icmp } = original;
  const same = {
    source,
    protocol,
    ...(sourcePort !== undefined && { sourcePort }),
    ...(icmp && { icmp: { type: icmp.type, code: icmp.code } }),
  };
  const to = (address: Address, port: number | undefined): Packet => ({
    ...same,
    destination: address,
    ...(port !== undefined && { destinationPort: port }),
  });
  return { packet: to(reply.source, reply.sourcePort), sent: to(destination, destinationPort) };
}
