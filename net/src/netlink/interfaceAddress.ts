/** Addresses of interfaces: RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR. */
import { type Address, addressBits, type Family } from "../address.ts";
import type { Cidr } from "../prefix.ts";
import { type AttributeTable, concat, decodeAttributes, encodeAttributes } from "./attribute.ts";
import { familyNumber, familyOf } from "./family.ts";
import { messageFlag, type NetlinkMessage, type NetlinkRequest } from "./message.ts";
import { type StructCodec, structCodec } from "./struct.ts";
import { address, text, u32 } from "./value.ts";

export interface InterfaceAddress {
  readonly interfaceIndex: number;
  readonly address: Cidr;
  /** The other end of a point-to-point link. */
  readonly peer?: Address;
  readonly broadcast?: Address;
  readonly label?: string;
  /** One of `scope`; 0 (global) when left out. */
  readonly scope?: number;
  /** IFA_F_NODAD: usable at once, without duplicate address detection. */
  readonly noDad?: boolean;
  /** IFA_F_NOPREFIXROUTE: the kernel makes no route for the network that the address is in. */
  readonly noPrefixRoute?: boolean;
}

/** What the kernel says besides. */
export interface KernelAddress extends InterfaceAddress {
  readonly scope: number;
  /** Duplicate address detection is not over: nothing can be bound to it yet. */
  readonly tentative: boolean;
  readonly dadFailed: boolean;
  readonly permanent: boolean;
  readonly secondary: boolean;
}

/** Distances of addresses and routes (RT_SCOPE_*). */
export const scope: {
  readonly global: 0;
  readonly site: 200;
  readonly link: 253;
  readonly host: 254;
  readonly nowhere: 255;
} = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 };

const addressMessage = { new: 20, delete: 21, get: 22 } as const;

/** IFA_F_* */
const addressFlag = {
  secondary: 0x1,
  noDad: 0x2,
  dadFailed: 0x8,
  tentative: 0x40,
  permanent: 0x80,
  noPrefixRoute: 0x200,
} as const;

/** struct ifaddrmsg */
interface AddressHeader {
  readonly [field: string]: number;
  readonly family: number;
  readonly length: number;
  readonly flags: number;
  readonly scope: number;
  readonly index: number;
}

const addressHeader: StructCodec<AddressHeader> = structCodec<AddressHeader>([
  ["family", "u8"],
  ["length", "u8"],
  ["flags", "u8"],
  ["scope", "u8"],
  ["index", "u32"],
]);

interface AddressAttributes {
  readonly address?: Address;
  readonly local?: Address;
  readonly label?: string;
  readonly broadcast?: Address;
  readonly flags?: number;
}

/** IFA_* */
const addressAttributes: AttributeTable<AddressAttributes> = {
  address: { type: 1, codec: address },
  local: { type: 2, codec: address },
  label: { type: 3, codec: text },
  broadcast: { type: 4, codec: address },
  flags: { type: 8, codec: u32 },
};

export function isAddressMessage(type: number): boolean {
  return type === addressMessage.new || type === addressMessage.delete;
}

export function isAddressDeletion(type: number): boolean {
  return type === addressMessage.delete;
}

export function decodeAddress({ body }: NetlinkMessage): KernelAddress | null {
  const header = addressHeader.decode(body);
  const attributes = decodeAttributes(addressAttributes, body.subarray(addressHeader.size));
  if (!header || !attributes || familyOf(header.family) === null) return null;
  // IFA_LOCAL is ours and IFA_ADDRESS the peer's; IPv6 leaves IFA_LOCAL out where there is no peer.
  const own = attributes.local ?? attributes.address;
  if (!own || header.length > addressBits[own.family]) return null;
  const peer = attributes.address && attributes.address.value !== own.value ? { peer: attributes.address } : {};
  const flags = attributes.flags ?? header.flags;
  return {
    interfaceIndex: header.index,
    address: { address: own, length: header.length },
    ...peer,
    ...(attributes.broadcast ? { broadcast: attributes.broadcast } : {}),
    ...(attributes.label === undefined ? {} : { label: attributes.label }),
    scope: header.scope,
    noDad: (flags & addressFlag.noDad) !== 0,
    noPrefixRoute: (flags & addressFlag.noPrefixRoute) !== 0,
    tentative: (flags & addressFlag.tentative) !== 0,
    dadFailed: (flags & addressFlag.dadFailed) !== 0,
    permanent: (flags & addressFlag.permanent) !== 0,
    secondary: (flags & addressFlag.secondary) !== 0,
  };
}

/**
 * All addresses of a family, or of both. The kernel could filter by interface, but such a dump never says that it was
 * interrupted (inet_dump_ifaddr leaves the sequence alone), so that the caller filters.
 */
export function listAddresses(family?: Family): NetlinkRequest {
  const body = addressHeader.encode({ family: family ? familyNumber[family] : 0 });
  return { type: addressMessage.get, flags: messageFlag.dump, body };
}

/** Fails with EXISTS when the interface has the address. */
export function addAddress(value: InterfaceAddress): NetlinkRequest {
  return { type: addressMessage.new, flags: messageFlag.create | messageFlag.exclusive, body: encodeAddress(value) };
}

/** Makes the address or changes its flags. */
export function replaceAddress(value: InterfaceAddress): NetlinkRequest {
  return { type: addressMessage.new, flags: messageFlag.create | messageFlag.replace, body: encodeAddress(value) };
}

export function deleteAddress(value: InterfaceAddress): NetlinkRequest {
  return { type: addressMessage.delete, flags: 0, body: encodeAddress(value) };
}

function encodeAddress(value: InterfaceAddress): Uint8Array {
  const own = value.address.address;
  const flags = (value.noDad ? addressFlag.noDad : 0) | (value.noPrefixRoute ? addressFlag.noPrefixRoute : 0);
  const header = addressHeader.encode({
    family: familyNumber[own.family],
    length: value.address.length,
    scope: value.scope ?? scope.global,
    index: value.interfaceIndex,
  });
  const attributes = encodeAttributes(addressAttributes, {
    address: value.peer ?? own,
    local: own,
    ...(value.label === undefined ? {} : { label: value.label }),
    ...(value.broadcast ? { broadcast: value.broadcast } : {}),
    flags,
  });
  return concat([header, attributes]);
}
