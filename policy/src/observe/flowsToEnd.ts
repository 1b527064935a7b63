/**
 * Which open flows policy denies by now (`killEstablishedOnDeny`). Conntrack knows a flow by how it was opened, and so does
 * policy: whoever answers is not asked. To forget such a flow would not end it, since the next packet of the side that may
 * speak would open it anew; so it is marked, and what is marked is dropped before it is accepted as known.
 */
import type { Address, Flow } from "@brindle/net";
import type { Packet } from "../packet.ts";
import { endedFlowMark } from "../render/names.ts";
import type { ChainVerdicts } from "./chainVerdicts.ts";

export interface FlowMarks {
  /** To be marked: denied, and not marked yet. */
  readonly toEnd: readonly Flow[];
  /** To lose their mark: allowed again, or of no pod of this node any more. */
  readonly toLet: readonly Flow[];
}

export function flowMarks(
  flows: Iterable<Flow>,
  verdicts: ChainVerdicts,
  isOwn: (address: Address) => boolean,
): FlowMarks {
  const toEnd: Flow[] = [];
  const toLet: Flow[] = [];
  for (const flow of flows) {
    const isMarked = (flow.mark & endedFlowMark) !== 0;
    const isDenied = !flow.isExpected && verdicts.of(packetOfFlow(flow), isOwn)?.verdict === "deny";
    if (isDenied && !isMarked) toEnd.push(flow);
    if (!isDenied && isMarked) toLet.push(flow);
  }
  return { toEnd, toLet };
}

/** As policy saw its first packet: behind the translation of its destination, before that of its source. */
export function packetOfFlow({ original, reply }: Flow): Packet {
  const { source, sourcePort, protocol, icmp } = original;
  const destinationPort = reply.sourcePort;
  return {
    source,
    destination: reply.source,
    protocol,
    ...(sourcePort !== undefined && { sourcePort }),
    ...(destinationPort !== undefined && { destinationPort }),
    ...(icmp && { icmp: { type: icmp.type, code: icmp.code } }),
  };
}
