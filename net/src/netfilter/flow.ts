/** The netlink messages of connection tracking (linux/netfilter/nfnetlink_conntrack.h): the flows that the kernel knows. */
import type { Address } from "../address.ts";
import { type AttributeTable, decodeAttributes, encodeAttributes, nested } from "../netlink/attribute.ts";
import { familyNumber } from "../netlink/family.ts";
import { messageFlag, type NetlinkMessage, type NetlinkRequest } from "../netlink/message.ts";
import { address, u8, u16be, u32be } from "../netlink/value.ts";
import { netfilterBody, netfilterRequest, subsystem } from "./message.ts";

/** How the first packet of one direction looks. */
export interface FlowTuple {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmp?: { readonly id: number; readonly type: number; readonly code: number };
}

export interface Flow {
  /** As whoever opened it sent it, and as it is answered: the two differ by more than their direction behind a NAT. */
  readonly original: FlowTuple;
  readonly reply: FlowTuple;
  readonly zone: number;
  readonly mark: number;
  /** Whether it belongs to another flow, as the data of FTP to its control connection. */
  readonly isExpected: boolean;
}

const message = { new: 0, get: 1 } as const;
/** IPS_EXPECTED */
const expectedBit = 1;

interface IpAttributes {
  readonly source4?: Address;
  readonly destination4?: Address;
  readonly source6?: Address;
  readonly destination6?: Address;
}

interface ProtocolAttributes {
  readonly number?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmpId?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
  readonly icmp6Id?: number;
  readonly icmp6Type?: number;
  readonly icmp6Code?: number;
}

interface TupleAttributes {
  readonly ip?: IpAttributes;
  readonly protocol?: ProtocolAttributes;
}

interface FlowAttributes {
  readonly original?: TupleAttributes;
  readonly reply?: TupleAttributes;
  readonly status?: number;
  readonly mark?: number;
  readonly zone?: number;
  readonly markMask?: number;
}

/** CTA_IP_* */
const ipAttributes: AttributeTable<IpAttributes> = {
  source4: { type: 1, codec: address },
  destination4: { type: 2, codec: address },
  source6: { type: 3, codec: address },
  destination6: { type: 4, codec: address },
};

/** CTA_PROTO_* */
const protocolAttributes: AttributeTable<ProtocolAttributes> = {
  number: { type: 1, codec: u8 },
  sourcePort: { type: 2, codec: u16be },
  destinationPort: { type: 3, codec: u16be },
  icmpId: { type: 4, codec: u16be },
  icmpType: { type: 5, codec: u8 },
  icmpCode: { type: 6, codec: u8 },
  icmp6Id: { type: 7, codec: u16be },
  icmp6Type: { type: 8, codec: u8 },
  icmp6Code: { type: 9, codec: u8 },
};

/** CTA_TUPLE_* */
const tupleAttributes: AttributeTable<TupleAttributes> = {
  ip: { type: 1, codec: nested(ipAttributes) },
  protocol: { type: 2, codec: nested(protocolAttributes) },
};

/** CTA_* */
const flowAttributes: AttributeTable<FlowAttributes> = {
  original: { type: 1, codec: nested(tupleAttributes) },
  reply: { type: 2, codec: nested(tupleAttributes) },
  status: { type: 3, codec: u32be },
  mark: { type: 8, codec: u32be },
  zone: { type: 18, codec: u16be },
  markMask: { type: 21, codec: u32be },
};

/** All flows of both families. */
export function listFlows(): NetlinkRequest {
  return netfilterRequest({
    type: subsystem.conntrack | message.get,
    flags: messageFlag.dump,
    attributes: new Uint8Array(0),
  });
}

/** Sets the bits of `mask` in the mark of a flow; NOT_FOUND where it is gone by now, since nothing is made. */
export function markFlow(
  { original, zone }: Flow,
  mark: { readonly value: number; readonly mask: number },
): NetlinkRequest {
  return netfilterRequest({
    type: subsystem.conntrack | message.new,
    family: familyNumber[original.source.family],
    attributes: encodeAttributes(flowAttributes, {
      original: attributesOf(original),
      mark: mark.value,
      ...(zone !== 0 && { zone }),
      markMask: mark.mask,
    }),
  });
}

/** `null` for every other message, and for a flow of neither family. */
export function decodeFlow({ type, body }: NetlinkMessage): Flow | null {
  if (type !== (subsystem.conntrack | message.new)) return null;
  const parts = netfilterBody(body);
  const attributes = parts && decodeAttributes(flowAttributes, parts.attributes);
  const original = attributes?.original && tupleOf(attributes.original);
  const reply = attributes?.reply && tupleOf(attributes.reply);
  if (!original || !reply) return null;
  const { status = 0, mark = 0, zone = 0 } = attributes;
  return { original, reply, zone, mark, isExpected: (status & expectedBit) !== 0 };
}

function tupleOf({ ip, protocol }: TupleAttributes): FlowTuple | null {
  const source = ip?.source4 ?? ip?.source6;
  const destination = ip?.destination4 ?? ip?.destination6;
  if (!source || !destination || protocol?.number === undefined) return null;
  const { number, sourcePort, destinationPort } = protocol;
  const type = protocol.icmpType ?? protocol.icmp6Type;
  const id = protocol.icmpId ?? protocol.icmp6Id ?? 0;
  return {
    source,
    destination,
    protocol: number,
    ...(sourcePort !== undefined && { sourcePort }),
    ...(destinationPort !== undefined && { destinationPort }),
    ...(type !== undefined && { icmp: { id, type, code: protocol.icmpCode ?? protocol.icmp6Code ?? 0 } }),
  };
}

function attributesOf({
  source,
  destination,
  protocol,
  sourcePort,
  destinationPort,
  icmp,
}: FlowTuple): TupleAttributes {
  const ofIcmp =
    icmp &&
    (source.family === 4
      ? { icmpId: icmp.id, icmpType: icmp.type, icmpCode: icmp.code }
      : { icmp6Id: icmp.id, icmp6Type: icmp.type, icmp6Code: icmp.code });
  return {
    ip:
      source.family === 4
        ? { source4: source, destination4: destination }
        : { source6: source, destination6: destination },
    protocol: {
      number: protocol,
      ...(sourcePort !== undefined && { sourcePort }),
      ...(destinationPort !== undefined && { destinationPort }),
      ...ofIcmp,
    },
  };
}
