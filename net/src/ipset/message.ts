/** The netlink messages of ipset (nfnetlink subsystem 6, protocol 7). */
import type { Address, Family } from "../address.ts";
import { type Refusal, type RefusalCode, refusal } from "../kernelError.ts";
import {
  type AttributeTable,
  concat,
  decodeAttributes,
  encodeAttributes,
  nested,
  splitAttributes,
} from "../netlink/attribute.ts";
import { familyNumber, familyOf } from "../netlink/family.ts";
import {
  type Acknowledgement,
  messageFlag,
  messageHeaderBytes,
  type NetlinkMessage,
  type NetlinkRequest,
} from "../netlink/message.ts";
import {
  address,
  binary,
  nestedFlag,
  netByteOrderFlag,
  text,
  u8,
  u16be,
  u32,
  u32be,
  type ValueCodec,
} from "../netlink/value.ts";
import { encodeElements } from "./elementBytes.ts";
import { formatSetElement, type SetElement } from "./setElement.ts";

export type SetType = "hash:net" | "hash:ip,port" | "hash:net,iface";

export interface SetDefinition {
  /** At most 31 characters. */
  readonly name: string;
  readonly type: SetType;
  readonly family: Family;
  /** Buckets to begin with; the kernel grows them. */
  readonly hashSize?: number;
  /** 65,536 when left out. */
  readonly maxElements?: number;
}

/** A set as the kernel tells it. */
export interface KernelSet {
  readonly name: string;
  /** Whatever type it has; `members` are told of those of `SetType`. */
  readonly type: string;
  readonly family: Family | null;
  readonly hashSize: number | null;
  readonly maxElements: number | null;
  /** How many rules and sets refer to it: one that is referred to cannot be destroyed. */
  readonly references: number;
  readonly members: readonly SetElement[];
}

/** IPSET_MAXNAMELEN, less its NUL. */
export const setNameBytesMax = 31;

/** Elements of one message. All of them together must stay below the 64 KiB of an attribute. */
export const elementsPerMessage = 200;

const subsystem = 6 << 8;
const protocolVersion = 7;
/** All types have had it since Linux 3; the later ones only add options that are not used here. */
const typeRevision = 1;

/** enum ipset_cmd */
const command = { create: 2, destroy: 3, flush: 4, rename: 5, swap: 6, list: 7, add: 9, delete: 10 } as const;

/** IPSET_FLAG_LIST_SETNAME: names alone. */
const listNamesFlag = 2;

interface SetAttributes {
  readonly protocol?: number;
  readonly name?: string;
  readonly type?: string;
  readonly revision?: number;
  readonly family?: number;
  readonly flags?: number;
  readonly data?: SetData;
  readonly elements?: Uint8Array;
  readonly line?: number;
}

interface SetData {
  readonly hashSize?: number;
  readonly maxElements?: number;
  readonly references?: number;
}

interface ElementAttributes {
  readonly ip?: IpAttributes;
  readonly length?: number;
  readonly port?: number;
  readonly protocol?: number;
  readonly interfaceName?: string;
}

interface IpAttributes {
  readonly v4?: Address;
  readonly v6?: Address;
}

/** Numbers that ipset wants in network byte order bear a flag that says so. */
const net16: ValueCodec<number> = { ...u16be, typeFlags: netByteOrderFlag };
const net32: ValueCodec<number> = { ...u32be, typeFlags: netByteOrderFlag };
const netAddress: ValueCodec<Address> = { ...address, typeFlags: netByteOrderFlag };

/** IPSET_ATTR_* inside the data of a set. */
const setData: AttributeTable<SetData> = {
  hashSize: { type: 18, codec: net32 },
  maxElements: { type: 19, codec: net32 },
  references: { type: 25, codec: net32 },
};

/** IPSET_ATTR_* of a command. */
const setAttributes: AttributeTable<SetAttributes> = {
  protocol: { type: 1, codec: u8 },
  name: { type: 2, codec: text },
  /** The second name of renaming and swapping has the same number. */
  type: { type: 3, codec: text },
  revision: { type: 4, codec: u8 },
  family: { type: 5, codec: u8 },
  flags: { type: 6, codec: net32 },
  data: { type: 7, codec: nested(setData) },
  elements: { type: 8, codec: { ...binary, typeFlags: nestedFlag } },
  line: { type: 9, codec: u32 },
};

/** IPSET_ATTR_IPADDR_* */
const ipAttributes: AttributeTable<IpAttributes> = {
  v4: { type: 1, codec: netAddress },
  v6: { type: 2, codec: netAddress },
};

/** IPSET_ATTR_* of an element, as it is read; `encodeElements` writes them. */
const elementAttributes: AttributeTable<ElementAttributes> = {
  ip: { type: 1, codec: nested(ipAttributes) },
  length: { type: 3, codec: u8 },
  port: { type: 4, codec: net16 },
  protocol: { type: 7, codec: u8 },
  interfaceName: { type: 23, codec: text },
};

const dataType = 7;

export function createSet({ name, type, family, hashSize, maxElements }: SetDefinition): NetlinkRequest {
  const data = {
    ...(hashSize === undefined ? {} : { hashSize }),
    ...(maxElements === undefined ? {} : { maxElements }),
  };
  return request(command.create, {
    flags: messageFlag.create | messageFlag.exclusive,
    attributes: { name, type, revision: typeRevision, family: familyNumber[family], data },
  });
}

export function destroySet(name: string): NetlinkRequest {
  return request(command.destroy, { attributes: { name } });
}

export function flushSet(name: string): NetlinkRequest {
  return request(command.flush, { attributes: { name } });
}

/** Fails with EXISTS when the new name is taken. */
export function renameSet(name: string, newName: string): NetlinkRequest {
  return request(command.rename, { attributes: { name, type: newName } });
}

/** Exchanges the contents of two sets of one type; rules see either all of the old or all of the new. */
export function swapSets(name: string, otherName: string): NetlinkRequest {
  return request(command.swap, { attributes: { name, type: otherName } });
}

/** Every set, or one, with its members; or the names alone. */
export function listSets({ name, namesOnly = false }: { name?: string; namesOnly?: boolean } = {}): NetlinkRequest {
  const attributes = { ...(name === undefined ? {} : { name }), ...(namesOnly ? { flags: listNamesFlag } : {}) };
  return request(command.list, { flags: messageFlag.dump, attributes });
}

/** Elements that are there already are no error: without NLM_F_EXCL the kernel skips them. */
export function addElements(name: string, elements: readonly SetElement[]): NetlinkRequest {
  return request(command.add, { attributes: { name, elements: encodeElements(elements), line: 0 } });
}

/** Elements that are not there are no error either. */
export function deleteElements(name: string, elements: readonly SetElement[]): NetlinkRequest {
  return request(command.delete, { attributes: { name, elements: encodeElements(elements), line: 0 } });
}

/** The sets of a whole dump. A set with many members comes in several messages, of which the first has its type. */
export function decodeSets(messages: readonly NetlinkMessage[]): KernelSet[] | null {
  const sets = new Map<string, KernelSet & { members: SetElement[] }>();
  for (const { body } of messages) {
    const attributes = decodeAttributes(setAttributes, body.subarray(nfHeaderBytes));
    if (attributes?.name === undefined) return null;
    let set = sets.get(attributes.name);
    if (!set) {
      set = newKernelSet(attributes.name, attributes);
      sets.set(attributes.name, set);
    }
    for (const { type, value } of splitAttributes(attributes.elements ?? new Uint8Array(0)) ?? []) {
      const element = type === dataType ? decodeElement(value, set.type) : null;
      if (element) set.members.push(element);
    }
  }
  return [...sets.values()];
}

/** What ipset's own error numbers mean, and which element they are about. */
export function setRefusal(ack: Acknowledgement, object: string): Refusal {
  const element = offendingElement(ack);
  const named = element ? `${object}, element ${formatSetElement(element)}` : object;
  const row = setErrors[ack.errno];
  if (!row) return refusal(ack.errno, named, ack);
  return { code: row.code, object: named, errno: ack.errno, name: row.name, text: row.text };
}

const nfHeaderBytes = 4;

function request(
  number: number,
  { flags = 0, attributes }: { flags?: number; attributes: SetAttributes },
): NetlinkRequest {
  // struct nfgenmsg: family, version, resource. The family of a set is an attribute.
  const header = Uint8Array.of(familyNumber[4], 0, 0, 0);
  const body = concat([header, encodeAttributes(setAttributes, { protocol: protocolVersion, ...attributes })]);
  return { type: subsystem | number, flags, body };
}

function decodeElement(bytes: Uint8Array, setType: string): SetElement | null {
  const attributes = decodeAttributes(elementAttributes, bytes);
  const address = attributes?.ip?.v4 ?? attributes?.ip?.v6;
  if (!attributes || !address) return null;
  const { length = address.family === 4 ? 32 : 128, port, protocol, interfaceName } = attributes;
  if (setType === "hash:net") return { address, length };
  if (setType === "hash:net,iface" && interfaceName !== undefined) return { address, length, interfaceName };
  if (setType === "hash:ip,port" && port !== undefined) return { address, protocol: protocol ?? 0, port };
  return null;
}

function newKernelSet(name: string, attributes: SetAttributes): KernelSet & { members: SetElement[] } {
  return {
    name,
    type: attributes.type ?? "",
    family: attributes.family === undefined ? null : familyOf(attributes.family),
    hashSize: attributes.data?.hashSize ?? null,
    maxElements: attributes.data?.maxElements ?? null,
    references: attributes.data?.references ?? 0,
    members: [],
  };
}

/** The kernel sends the request back and writes the line of the element into it. */
function offendingElement({ request }: Acknowledgement): SetElement | null {
  if (!request) return null;
  const attributes = decodeAttributes(setAttributes, request.subarray(messageHeaderBytes + nfHeaderBytes));
  const elements = attributes?.elements && splitAttributes(attributes.elements);
  const element = elements?.[attributes?.line ?? 0];
  if (!element) return null;
  const types: readonly SetType[] = ["hash:ip,port", "hash:net,iface", "hash:net"];
  return types.map((type) => decodeElement(element.value, type)).find((decoded) => decoded !== null) ?? null;
}

/** enum ipset_errno, and those of the hash types. */
const setErrors: Readonly<Record<number, { name: string; code: RefusalCode; text: string }>> = {
  2: { name: "ENOENT", code: "NOT_FOUND", text: "there is no set of that name" },
  17: { name: "EEXIST", code: "EXISTS", text: "a set of that name exists already" },
  4097: { name: "IPSET_ERR_PROTOCOL", code: "INVALID", text: "the kernel does not take the request's form" },
  4098: { name: "IPSET_ERR_FIND_TYPE", code: "NOT_SUPPORTED", text: "the kernel has no such set type" },
  4099: { name: "IPSET_ERR_MAX_SETS", code: "NO_RESOURCES", text: "the kernel has as many sets as it can" },
  4100: { name: "IPSET_ERR_BUSY", code: "BUSY", text: "the set is used by a rule" },
  4101: { name: "IPSET_ERR_EXIST_SETNAME2", code: "EXISTS", text: "a set of the second name exists already" },
  4102: { name: "IPSET_ERR_TYPE_MISMATCH", code: "INVALID", text: "the two sets are of different types" },
  4103: { name: "IPSET_ERR_EXIST", code: "EXISTS", text: "the element is there already, or is not there" },
  4104: { name: "IPSET_ERR_INVALID_CIDR", code: "INVALID", text: "the prefix length is not one that a set takes" },
  4105: { name: "IPSET_ERR_INVALID_NETMASK", code: "INVALID", text: "the netmask is not one that a set takes" },
  4106: { name: "IPSET_ERR_INVALID_FAMILY", code: "INVALID", text: "the set type does not take that family" },
  4108: { name: "IPSET_ERR_REFERENCED", code: "BUSY", text: "the set is referred to by a rule or by another set" },
  4109: { name: "IPSET_ERR_IPADDR_IPV4", code: "INVALID", text: "an IPv4 set takes IPv4 addresses" },
  4110: { name: "IPSET_ERR_IPADDR_IPV6", code: "INVALID", text: "an IPv6 set takes IPv6 addresses" },
  4352: { name: "IPSET_ERR_HASH_FULL", code: "NO_RESOURCES", text: "the set is full" },
  4353: { name: "IPSET_ERR_HASH_ELEM", code: "INVALID", text: "the element is null" },
  4354: { name: "IPSET_ERR_INVALID_PROTO", code: "INVALID", text: "the protocol is not one that a set takes" },
  4355: { name: "IPSET_ERR_MISSING_PROTO", code: "INVALID", text: "the element lacks its protocol" },
  4356: { name: "IPSET_ERR_HASH_RANGE_UNSUPPORTED", code: "INVALID", text: "the set type takes no ranges" },
  4357: { name: "IPSET_ERR_HASH_RANGE", code: "INVALID", text: "the range is invalid" },
};
