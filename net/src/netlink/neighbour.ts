/** Neighbours (ARP, NDP), proxy entries, and the forwarding entries of bridges and VXLAN interfaces: RTM_*NEIGH. */
import type { Address, Family } from "../address.ts";
import { type AttributeTable, concat, decodeAttributes, encodeAttributes } from "./attribute.ts";
import { bridgeFamily, familyNumber, familyOf } from "./family.ts";
import { messageFlag, type NetlinkMessage, type NetlinkRequest } from "./message.ts";
import { type StructCodec, structCodec } from "./struct.ts";
import { address, mac } from "./value.ts";

export type NeighbourState =
  | "none"
  | "incomplete"
  | "reachable"
  | "stale"
  | "delay"
  | "probe"
  | "failed"
  | "noArp"
  | "permanent";

export interface Neighbour {
  readonly interfaceIndex: number;
  readonly address: Address;
  /** Needed for all but a proxy. */
  readonly mac?: string | null;
  /** "permanent" when left out. */
  readonly state?: NeighbourState;
  /** We answer for the address; it has no hardware address. */
  readonly proxy?: boolean;
}

/** Where frames for a hardware address go: on a VXLAN interface, the tunnel end. */
export interface ForwardingEntry {
  readonly interfaceIndex: number;
  readonly mac: string;
  readonly remote: Address | null;
}

const neighbourMessage = { new: 28, delete: 29, get: 30 } as const;

/** NUD_*, which are bits of which one is set. */
const stateNumber: Readonly<Record<NeighbourState, number>> = {
  none: 0,
  incomplete: 0x1,
  reachable: 0x2,
  stale: 0x4,
  delay: 0x8,
  probe: 0x10,
  failed: 0x20,
  noArp: 0x40,
  permanent: 0x80,
};

/** NTF_* */
const neighbourFlag = { self: 0x2, proxy: 0x8 } as const;

/** struct ndmsg */
interface NeighbourHeader {
  readonly [field: string]: number;
  readonly family: number;
  readonly padding: number;
  readonly padding2: number;
  readonly index: number;
  readonly state: number;
  readonly flags: number;
  readonly kind: number;
}

const neighbourHeader: StructCodec<NeighbourHeader> = structCodec<NeighbourHeader>([
  ["family", "u8"],
  ["padding", "u8"],
  ["padding2", "u16"],
  ["index", "s32"],
  ["state", "u16"],
  ["flags", "u8"],
  ["kind", "u8"],
]);

interface NeighbourAttributes {
  readonly address?: Address;
  readonly mac?: string;
}

/** NDA_* */
const neighbourAttributes: AttributeTable<NeighbourAttributes> = {
  address: { type: 1, codec: address },
  mac: { type: 2, codec: mac },
};

export function isNeighbourMessage(type: number): boolean {
  return type === neighbourMessage.new || type === neighbourMessage.delete;
}

export function isNeighbourDeletion(type: number): boolean {
  return type === neighbourMessage.delete;
}

/** `null` for what does not parse, and for forwarding entries. */
export function decodeNeighbour({ body }: NetlinkMessage): Neighbour | null {
  const header = neighbourHeader.decode(body);
  const attributes = decodeAttributes(neighbourAttributes, body.subarray(neighbourHeader.size));
  if (!header || !attributes?.address || familyOf(header.family) === null) return null;
  return {
    interfaceIndex: header.index,
    address: attributes.address,
    mac: attributes.mac ?? null,
    state: stateOf(header.state),
    proxy: (header.flags & neighbourFlag.proxy) !== 0,
  };
}

/** `null` for what does not parse, and for neighbours. */
export function decodeForwardingEntry({ body }: NetlinkMessage): ForwardingEntry | null {
  const header = neighbourHeader.decode(body);
  const attributes = decodeAttributes(neighbourAttributes, body.subarray(neighbourHeader.size));
  if (header?.family !== bridgeFamily || attributes?.mac === undefined) return null;
  return { interfaceIndex: header.index, mac: attributes.mac, remote: attributes.address ?? null };
}

/** Proxy entries are in a table of their own, which has to be asked for. */
export function listNeighbours(filter: { family?: Family; proxy?: boolean } = {}): NetlinkRequest {
  const family = filter.family ? familyNumber[filter.family] : 0;
  const body = neighbourHeader.encode({ family, flags: filter.proxy ? neighbourFlag.proxy : 0 });
  return { type: neighbourMessage.get, flags: messageFlag.dump, body };
}

export function listForwardingEntries(): NetlinkRequest {
  return {
    type: neighbourMessage.get,
    flags: messageFlag.dump,
    body: neighbourHeader.encode({ family: bridgeFamily }),
  };
}

/** Makes the entry, or changes its hardware address and state. */
export function replaceNeighbour(neighbour: Neighbour): NetlinkRequest {
  const flags = messageFlag.create | messageFlag.replace;
  return { type: neighbourMessage.new, flags, body: encodeNeighbour(neighbour) };
}

/** Fails with EXISTS when there is one. */
export function addNeighbour(neighbour: Neighbour): NetlinkRequest {
  const flags = messageFlag.create | messageFlag.exclusive;
  return { type: neighbourMessage.new, flags, body: encodeNeighbour(neighbour) };
}

export function deleteNeighbour(neighbour: Neighbour): NetlinkRequest {
  return { type: neighbourMessage.delete, flags: 0, body: encodeNeighbour(neighbour) };
}

export function replaceForwardingEntry(entry: ForwardingEntry): NetlinkRequest {
  const flags = messageFlag.create | messageFlag.replace;
  return { type: neighbourMessage.new, flags, body: encodeForwardingEntry(entry) };
}

export function deleteForwardingEntry(entry: ForwardingEntry): NetlinkRequest {
  return { type: neighbourMessage.delete, flags: 0, body: encodeForwardingEntry(entry) };
}

function encodeNeighbour(neighbour: Neighbour): Uint8Array {
  const header = neighbourHeader.encode({
    family: familyNumber[neighbour.address.family],
    index: neighbour.interfaceIndex,
    state: stateNumber[neighbour.state ?? "permanent"],
    flags: neighbour.proxy ? neighbourFlag.proxy : 0,
  });
  const attributes = encodeAttributes(neighbourAttributes, {
    address: neighbour.address,
    ...(neighbour.mac ? { mac: neighbour.mac } : {}),
  });
  return concat([header, attributes]);
}

function encodeForwardingEntry({ interfaceIndex, mac, remote }: ForwardingEntry): Uint8Array {
  const header = neighbourHeader.encode({
    family: bridgeFamily,
    index: interfaceIndex,
    state: stateNumber.permanent,
    flags: neighbourFlag.self,
  });
  const attributes = encodeAttributes(neighbourAttributes, { ...(remote ? { address: remote } : {}), mac });
  return concat([header, attributes]);
}

function stateOf(number: number): NeighbourState {
  for (const [name, bit] of Object.entries(stateNumber)) {
    if (bit !== 0 && (number & bit) !== 0) return name as NeighbourState;
  }
  return "none";
}
