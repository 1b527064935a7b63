/** Network interfaces: RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK. */

import type { Address } from "../address.ts";
import { type AttributeTable, concat, decodeAttributes, encodeAttributes, nested } from "./attribute.ts";
import { messageFlag, type NetlinkMessage, type NetlinkRequest } from "./message.ts";
import { type StructCodec, structCodec } from "./struct.ts";
import { address, binary, bool, mac, s32, text, u8, u16be, u32, type ValueCodec } from "./value.ts";

/** An interface as the kernel tells it. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** "veth", "bridge", "vxlan", …; `null` for a physical interface and the loopback. */
  readonly kind: string | null;
  readonly up: boolean;
  /** Whether it is operational (IFF_RUNNING, RFC 2863): up, with a carrier that the kernel has noticed. */
  readonly running: boolean;
  readonly loopback: boolean;
  readonly mtu: number;
  readonly mac: string | null;
  readonly group: number;
  /** A free text for people and for whoever made the interface; `null` when none is set. */
  readonly alias: string | null;
  readonly masterIndex: number | null;
  /** The other end of a veth, or the interface below: an index in `peerNamespaceId`'s namespace where that is set. */
  readonly peerIndex: number | null;
  readonly peerNamespaceId: number | null;
  readonly vxlan: VxlanSettings | null;
}

export interface VxlanSettings {
  readonly id: number;
  readonly port?: number;
  readonly local?: Address;
  /** The interface that the tunnel's packets leave by. */
  readonly linkIndex?: number;
  readonly learning?: boolean;
  readonly udpChecksum?: boolean;
}

/** What may be said about an interface when it is made and changed later. */
export interface LinkSettings {
  readonly name?: string;
  readonly mtu?: number;
  readonly mac?: string;
  readonly up?: boolean;
  readonly group?: number;
  /** At most 255 bytes. The kernel heeds it in changes, and ignores it when an interface is made. */
  readonly alias?: string;
  /** `null` takes it out of its bridge. */
  readonly masterIndex?: number | null;
  readonly transmitQueueLength?: number;
  /** How many it has for what it sends, and as many for what it gets; only when it is made, and else as many as the machine has processors. */
  readonly queues?: number;
  /** A descriptor of the namespace that it shall be in: see `openNamespace`. */
  readonly namespaceFd?: number;
  /** How the kernel makes the IPv6 link-local address; "none" makes none. */
  readonly addressGeneration?: AddressGeneration;
  readonly ipv4?: Ipv4Settings;
}

/** What stands below /proc/sys/net/ipv4/conf/INTERFACE, without a file for each. */
export interface Ipv4Settings {
  readonly forwarding?: number;
  readonly proxyArp?: number;
  /** rp_filter: 0 off, 1 strict, 2 loose. */
  readonly reversePathFilter?: number;
  readonly routeLocalnet?: number;
}

export type AddressGeneration = "eui64" | "none" | "stablePrivacy" | "random";

/** The kernel takes what is a family's only for an interface that exists (EAFNOSUPPORT else): set it while it is down. */
interface NamedLink extends Omit<LinkSettings, "addressGeneration" | "ipv4"> {
  readonly name: string;
}

/** The other end of a veth. It cannot be made up: the kernel refuses (ENOTCONN) while it has no other end yet. */
export type NewPeer = Omit<NamedLink, "up">;

export type NewLink =
  | (NamedLink & { readonly kind: "veth"; readonly peer: NewPeer })
  /** "ifb": what is redirected to it, it queues, and then gives back to where it came from. */
  | (NamedLink & { readonly kind: "bridge" | "ifb" })
  | (NamedLink & { readonly kind: "vxlan"; readonly vxlan: VxlanSettings });

/** Which interface is meant. */
export type LinkReference = { readonly index: number } | { readonly name: string };

const linkMessage = { new: 16, delete: 17, get: 18 } as const;

/** struct ifinfomsg */
interface LinkHeader {
  readonly [field: string]: number;
  readonly family: number;
  readonly padding: number;
  readonly hardware: number;
  readonly index: number;
  readonly flags: number;
  readonly changed: number;
}

const linkHeader: StructCodec<LinkHeader> = structCodec<LinkHeader>([
  ["family", "u8"],
  ["padding", "u8"],
  ["hardware", "u16"],
  ["index", "s32"],
  ["flags", "u32"],
  ["changed", "u32"],
]);

const interfaceFlag = { up: 0x1, loopback: 0x8, running: 0x40 } as const;

interface LinkAttributes {
  readonly name?: string;
  readonly mac?: string;
  readonly mtu?: number;
  readonly linkIndex?: number;
  readonly masterIndex?: number;
  readonly transmitQueueLength?: number;
  readonly info?: LinkInfo;
  readonly families?: FamilySettings;
  readonly alias?: string;
  readonly group?: number;
  readonly namespaceFd?: number;
  readonly filter?: number;
  readonly transmitQueues?: number;
  readonly receiveQueues?: number;
  readonly linkNamespaceId?: number;
}

interface LinkInfo {
  readonly kind?: string;
  /** Its form depends on the kind. */
  readonly data?: Uint8Array;
}

interface FamilySettings {
  readonly inet?: { readonly settings?: Ipv4Settings };
  readonly inet6?: { readonly addressGeneration?: number };
}

/** IPV4_DEVCONF_* (linux/ip.h) */
const ipv4Settings: AttributeTable<Ipv4Settings> = {
  forwarding: { type: 1, codec: u32 },
  proxyArp: { type: 3, codec: u32 },
  reversePathFilter: { type: 8, codec: u32 },
  routeLocalnet: { type: 26, codec: u32 },
};

/** IFLA_INET_CONF */
const inetSettings: AttributeTable<{ readonly settings?: Ipv4Settings }> = {
  settings: { type: 1, codec: nested(ipv4Settings) },
};

/** IFLA_INET_* inside AF_INET, and IFLA_INET6_* inside AF_INET6, inside IFLA_AF_SPEC. */
const familySettings: AttributeTable<FamilySettings> = {
  // It is told in another form than it is written in, and nobody asks: nothing is decoded of it.
  inet: { type: 2, codec: { ...nested(inetSettings), decode: () => ({}) } },
  inet6: { type: 10, codec: nested<{ addressGeneration?: number }>({ addressGeneration: { type: 8, codec: u8 } }) },
};

/** IFLA_INFO_* */
const linkInfo: AttributeTable<LinkInfo> = {
  kind: { type: 1, codec: text },
  data: { type: 2, codec: { ...binary, typeFlags: 0x8000 } },
};

/** IFLA_* */
const linkAttributes: AttributeTable<LinkAttributes> = {
  name: { type: 3, codec: text },
  mac: { type: 1, codec: mac },
  mtu: { type: 4, codec: u32 },
  linkIndex: { type: 5, codec: s32 },
  masterIndex: { type: 10, codec: s32 },
  transmitQueueLength: { type: 13, codec: u32 },
  info: { type: 18, codec: nested(linkInfo) },
  alias: { type: 20, codec: text },
  families: { type: 26, codec: nested(familySettings) },
  group: { type: 27, codec: u32 },
  namespaceFd: { type: 28, codec: u32 },
  filter: { type: 29, codec: u32 },
  transmitQueues: { type: 31, codec: u32 },
  receiveQueues: { type: 32, codec: u32 },
  linkNamespaceId: { type: 37, codec: s32 },
};

const nameAlone: AttributeTable<Pick<LinkAttributes, "name">> = { name: { type: 3, codec: text } };

interface VxlanAttributes {
  readonly id?: number;
  readonly linkIndex?: number;
  readonly local4?: Address;
  readonly local6?: Address;
  readonly learning?: boolean;
  readonly port?: number;
  readonly udpChecksum?: boolean;
}

/** IFLA_VXLAN_*; the port alone is in network byte order. */
const vxlanAttributes: AttributeTable<VxlanAttributes> = {
  id: { type: 1, codec: u32 },
  linkIndex: { type: 3, codec: s32 },
  local4: { type: 4, codec: address },
  local6: { type: 17, codec: address },
  learning: { type: 7, codec: bool },
  port: { type: 15, codec: u16be },
  udpChecksum: { type: 18, codec: bool },
};

const addressGenerations: readonly AddressGeneration[] = ["eui64", "none", "stablePrivacy", "random"];

/** VETH_INFO_PEER: a link header and attributes, as in a message of its own. */
const vethPeer: ValueCodec<Uint8Array> = binary;
const vethAttributes: AttributeTable<{ readonly peer?: Uint8Array }> = { peer: { type: 1, codec: vethPeer } };

/** RTEXT_FILTER_SKIP_STATS: traffic counters are three quarters of each reply, and nobody here reads them. */
const skipStatistics = 8;

export function isLinkMessage(type: number): boolean {
  return type === linkMessage.new || type === linkMessage.delete;
}

export function isLinkDeletion(type: number): boolean {
  return type === linkMessage.delete;
}

export function decodeLink({ body }: NetlinkMessage): Link | null {
  const header = linkHeader.decode(body);
  const attributes = decodeAttributes(linkAttributes, body.subarray(linkHeader.size));
  if (!header || !attributes) return null;
  const kind = attributes.info?.kind ?? null;
  const data = kind === "vxlan" ? attributes.info?.data : undefined;
  return {
    index: header.index,
    name: attributes.name ?? "",
    kind,
    up: (header.flags & interfaceFlag.up) !== 0,
    running: (header.flags & interfaceFlag.running) !== 0,
    loopback: (header.flags & interfaceFlag.loopback) !== 0,
    mtu: attributes.mtu ?? 0,
    mac: attributes.mac ? attributes.mac : null,
    group: attributes.group ?? 0,
    alias: attributes.alias || null,
    masterIndex: attributes.masterIndex ?? null,
    peerIndex: attributes.linkIndex ?? null,
    peerNamespaceId: attributes.linkNamespaceId ?? null,
    vxlan: data ? decodeVxlan(data) : null,
  };
}

/** Its name and nothing else of it: who hears of every change of every interface looks at few. */
export function decodeLinkName({ body }: NetlinkMessage): string | null {
  return decodeAttributes(nameAlone, body.subarray(linkHeader.size))?.name ?? null;
}

/** Whether it is operational, and nothing else of it: `null` where that is not told. */
export function decodeRunning({ body }: NetlinkMessage): boolean | null {
  const header = linkHeader.decode(body);
  return header && (header.flags & interfaceFlag.running) !== 0;
}

/** All interfaces. */
export function listLinks(): NetlinkRequest {
  const body = concat([linkHeader.encode({}), encodeAttributes(linkAttributes, { filter: skipStatistics })]);
  return { type: linkMessage.get, flags: messageFlag.dump, body };
}

export function getLink(reference: LinkReference): NetlinkRequest {
  return { type: linkMessage.get, flags: 0, body: encodeReference(reference, { filter: skipStatistics }) };
}

export function createLink(link: NewLink): NetlinkRequest {
  const info = { kind: link.kind, data: encodeKindData(link) };
  const flags = messageFlag.create | messageFlag.exclusive;
  return { type: linkMessage.new, flags, body: encodeSettings(link, { index: 0, info }) };
}

/** The kernel's answer to one that asks for it: the interface as it was made (Linux 6.2 and later). */
export function echoed(request: NetlinkRequest): NetlinkRequest {
  return { ...request, flags: request.flags | messageFlag.echo };
}

/** Changes the interface `reference`; `settings.name` renames it (and needs it down on kernels before 6.2). */
export function setLink(reference: LinkReference, settings: LinkSettings): NetlinkRequest {
  if ("index" in reference) {
    return { type: linkMessage.new, flags: 0, body: encodeSettings(settings, { index: reference.index }) };
  }
  // With index zero IFLA_IFNAME says which interface is meant, so that a rename by name would be ambiguous.
  if (settings.name !== undefined) throw new RangeError("an interface is renamed by its index");
  return { type: linkMessage.new, flags: 0, body: encodeSettings({ ...settings, name: reference.name }, { index: 0 }) };
}

export function deleteLink(reference: LinkReference): NetlinkRequest {
  return { type: linkMessage.delete, flags: 0, body: encodeReference(reference, {}) };
}

/** Deletes every interface of a group in one request: the kernel then waits once instead of once for each. */
export function deleteLinkGroup(group: number): NetlinkRequest {
  const body = concat([linkHeader.encode({}), encodeAttributes(linkAttributes, { group })]);
  return { type: linkMessage.delete, flags: 0, body };
}

function encodeReference(reference: LinkReference, attributes: LinkAttributes): Uint8Array {
  const header = linkHeader.encode({ index: "index" in reference ? reference.index : 0 });
  const named = "name" in reference ? { ...attributes, name: reference.name } : attributes;
  return concat([header, encodeAttributes(linkAttributes, named)]);
}

function encodeSettings(settings: LinkSettings, { index, info }: { index: number; info?: LinkInfo }): Uint8Array {
  const isUp = settings.up === true ? interfaceFlag.up : 0;
  const changed = settings.up === undefined ? 0 : interfaceFlag.up;
  const header = linkHeader.encode({ index, flags: isUp, changed });
  return concat([header, encodeAttributes(linkAttributes, settingsAttributes(settings, info))]);
}

function settingsAttributes(settings: LinkSettings, info: LinkInfo | undefined): LinkAttributes {
  const { name, mac, mtu, group, alias, transmitQueueLength, queues, namespaceFd, masterIndex } = settings;
  const families = settingsOfFamilies(settings);
  return {
    ...(name === undefined ? {} : { name }),
    ...(mac === undefined ? {} : { mac }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(group === undefined ? {} : { group }),
    ...(alias === undefined ? {} : { alias }),
    ...(transmitQueueLength === undefined ? {} : { transmitQueueLength }),
    ...(queues === undefined ? {} : { transmitQueues: queues, receiveQueues: queues }),
    ...(namespaceFd === undefined ? {} : { namespaceFd }),
    ...(masterIndex === undefined ? {} : { masterIndex: masterIndex ?? 0 }),
    ...(info === undefined ? {} : { info }),
    ...(families === null ? {} : { families }),
  };
}

function settingsOfFamilies({ addressGeneration, ipv4 }: LinkSettings): FamilySettings | null {
  if (addressGeneration === undefined && ipv4 === undefined) return null;
  return {
    ...(ipv4 === undefined ? {} : { inet: { settings: ipv4 } }),
    ...(addressGeneration === undefined
      ? {}
      : { inet6: { addressGeneration: addressGenerations.indexOf(addressGeneration) } }),
  };
}

function encodeKindData(link: NewLink): Uint8Array {
  switch (link.kind) {
    case "bridge":
    case "ifb":
      return new Uint8Array(0);
    case "veth":
      return encodeAttributes(vethAttributes, { peer: encodeSettings(link.peer, { index: 0 }) });
    case "vxlan": {
      const { local, ...rest } = link.vxlan;
      const local4 = local?.family === 4 ? { local4: local } : {};
      const local6 = local?.family === 6 ? { local6: local } : {};
      return encodeAttributes(vxlanAttributes, { ...rest, ...local4, ...local6 });
    }
  }
}

function decodeVxlan(data: Uint8Array): VxlanSettings | null {
  const attributes = decodeAttributes(vxlanAttributes, data);
  if (attributes?.id === undefined) return null;
  const { id, local4, local6, ...rest } = attributes;
  const local = local4 ?? local6;
  return { id, ...rest, ...(local ? { local } : {}) };
}
