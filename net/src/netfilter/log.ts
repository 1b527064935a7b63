/** The netlink messages of NFLOG (linux/netfilter/nfnetlink_log.h): packets that rules hand to whoever listens to a group. */
import { type AttributeTable, decodeAttributes, encodeAttributes } from "../netlink/attribute.ts";
import type { NetlinkMessage, NetlinkRequest } from "../netlink/message.ts";
import { binary, text, u8, u16be, u32be, type ValueCodec } from "../netlink/value.ts";
import { netfilterBody, netfilterRequest, subsystem } from "./message.ts";

/** Where the kernel was with a packet; linux/netfilter.h has them in this order. */
const hooks = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"] as const;
export type HookName = (typeof hooks)[number];

export interface LoggedPacket {
  readonly group: number;
  /** `null` where the kernel does not say. */
  readonly hook: HookName | null;
  /** Indices of interfaces; `null` where the packet has none. */
  readonly inInterface: number | null;
  readonly outInterface: number | null;
  readonly mark: number;
  readonly prefix: string;
  /** From the IP header on, cut where rule or group say so. */
  readonly payload: Uint8Array;
  /** Counts the packets of the group: a gap is what found no room in the socket. */
  readonly sequence: number | null;
}

export interface LogGroup {
  readonly group: number;
  /** How much of each packet is wanted. */
  readonly copyBytes: number;
  /** How many packets the kernel gathers at most before it hands them over, and for how long, in hundredths of a second. */
  readonly gatherMax: number;
  readonly gatherCentiseconds: number;
}

const message = { packet: 0, config: 1 } as const;
/** NFULNL_CFG_CMD_BIND and _UNBIND. */
const command = { bind: 1, unbind: 2 } as const;
const copyPacket = 2;
/** NFULNL_CFG_F_SEQ: packets are numbered. */
const numbered = 1;

interface CopyMode {
  readonly bytes: number;
}

/** struct nfulnl_msg_config_mode, packed. */
const copyMode: ValueCodec<CopyMode> = {
  decode: () => null,
  write(writer, { bytes }) {
    writer.u32be(bytes);
    writer.u8(copyPacket);
    writer.u8(0);
  },
};

interface ConfigAttributes {
  readonly command?: number;
  readonly mode?: CopyMode;
  readonly centiseconds?: number;
  readonly threshold?: number;
  readonly flags?: number;
}

/** NFULA_CFG_* */
const configAttributes: AttributeTable<ConfigAttributes> = {
  command: { type: 1, codec: u8 },
  mode: { type: 2, codec: copyMode },
  centiseconds: { type: 4, codec: u32be },
  threshold: { type: 5, codec: u32be },
  flags: { type: 6, codec: u16be },
};

interface PacketHeader {
  readonly hook: number;
}

/** struct nfulnl_msg_packet_hdr: the protocol of the link layer in two bytes, the hook in one. */
const packetHeader: ValueCodec<PacketHeader> = {
  decode: (bytes) => (bytes.length < 3 ? null : { hook: bytes[2] ?? 0 }),
  write(writer, { hook }) {
    for (const byte of [0, 0, hook, 0]) writer.u8(byte);
  },
};

interface PacketAttributes {
  readonly header?: PacketHeader;
  readonly mark?: number;
  readonly inInterface?: number;
  readonly outInterface?: number;
  readonly payload?: Uint8Array;
  readonly prefix?: string;
  readonly sequence?: number;
}

/** NFULA_* */
const packetAttributes: AttributeTable<PacketAttributes> = {
  header: { type: 1, codec: packetHeader },
  mark: { type: 2, codec: u32be },
  inInterface: { type: 4, codec: u32be },
  outInterface: { type: 5, codec: u32be },
  payload: { type: 9, codec: binary },
  prefix: { type: 10, codec: text },
  sequence: { type: 12, codec: u32be },
};

/** The socket that asks hears the group from then on; the kernel refuses a second one (EPERM). */
export function bindLogGroup(group: number): NetlinkRequest {
  return configure(group, { command: command.bind });
}

export function configureLogGroup(options: LogGroup): NetlinkRequest {
  const { group, copyBytes, gatherMax, gatherCentiseconds } = options;
  return configure(group, {
    mode: { bytes: copyBytes },
    centiseconds: gatherCentiseconds,
    threshold: gatherMax,
    flags: numbered,
  });
}

/** `null` for every other message. */
export function decodeLoggedPacket({ type, body }: NetlinkMessage): LoggedPacket | null {
  if (type !== (subsystem.log | message.packet)) return null;
  const parts = netfilterBody(body);
  const attributes = parts && decodeAttributes(packetAttributes, parts.attributes);
  if (!attributes) return null;
  const {
    header,
    inInterface = null,
    outInterface = null,
    mark = 0,
    prefix = "",
    payload,
    sequence = null,
  } = attributes;
  return {
    group: parts.resource,
    hook: (header && hooks[header.hook]) ?? null,
    inInterface,
    outInterface,
    mark,
    prefix,
    payload: payload ?? new Uint8Array(0),
    sequence,
  };
}

function configure(group: number, attributes: ConfigAttributes): NetlinkRequest {
  return netfilterRequest({
    type: subsystem.log | message.config,
    resource: group,
    attributes: encodeAttributes(configAttributes, attributes),
  });
}
