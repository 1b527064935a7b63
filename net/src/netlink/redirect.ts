/**
 * Traffic control's filters of what comes in by an interface, and the one of ours among them: all leaves by another interface in place of
 * this one. It bears our mark in its handle, since others may have filters there, too.
 */
import { type AttributeTable, concat, decodeAttributes, encodeAttributes, nested } from "./attribute.ts";
import { littleEndian } from "./bytes.ts";
import { messageFlag, type NetlinkMessage, type NetlinkRequest } from "./message.ts";
import { controlHeader, nestedBytes } from "./qdisc.ts";
import { type StructCodec, structCodec } from "./struct.ts";
import { binary, text } from "./value.ts";

/** The interface needs its "ingress" or "clsact" qdisc first. */
export interface Redirect {
  readonly interfaceIndex: number;
  readonly toIndex: number;
}

export interface IngressFilter {
  readonly interfaceIndex: number;
  /** "u32", "bpf", … */
  readonly kind: string;
  /** The smallest number is asked first. */
  readonly priority: number;
  /** Of a priority all have one protocol, or none. */
  readonly isOfAllProtocols: boolean;
  /** Which of those of its priority. */
  readonly handle: number;
  /** The interface by which a "u32" lets leave what comes in, 0 where that is gone: then all is dropped. `null` for all other filters. */
  readonly redirectsTo: number | null;
}

const filterMessage = { new: 44, delete: 45, get: 46 } as const;

/** Before everybody else's. */
export const redirectPriority = 1;
/** ETH_P_ALL in network byte order. */
const everyProtocol = littleEndian ? 0x0300 : 0x0003;
/** Marks a redirection as ours: the node of a hash table, which for filters without one begin with 0x800. Of 214, as our routes. */
const ourNode = 0x0d6;
const nodeMask = 0xfff;
/** TC_H_CLSACT and TC_H_MIN_INGRESS: what both "ingress" and "clsact" take for what comes in. */
const incoming = 0xffff_fff2;

/** struct tc_u32_sel with one key, which all packets match: no bit of it counts. */
interface Selector {
  readonly [field: string]: number;
  readonly flags: number;
  readonly keys: number;
}

const selector: StructCodec<Selector> = structCodec<Selector>([
  ["flags", "u8"],
  ["offsetShift", "u8"],
  ["keys", "u8"],
  ["padding", "u8"],
  ["offsetMask", "u16"],
  ["offset", "u16"],
  ["offsetOffset", "u16"],
  ["hashOffset", "u16"],
  ["hashMask", "u32"],
  ["mask", "u32"],
  ["value", "u32"],
  ["keyOffset", "s32"],
  ["keyOffsetMask", "s32"],
]);
/** TC_U32_TERMINAL */
const terminal = 1;

/** struct tc_mirred */
interface Mirred {
  readonly [field: string]: number;
  readonly action: number;
  readonly direction: number;
  readonly interfaceIndex: number;
}

const mirred: StructCodec<Mirred> = structCodec<Mirred>([
  ["index", "u32"],
  ["capabilities", "u32"],
  ["action", "s32"],
  ["references", "s32"],
  ["bindings", "s32"],
  ["direction", "s32"],
  ["interfaceIndex", "u32"],
]);
/** TC_ACT_STOLEN, TCA_EGRESS_REDIR */
const stolen = 4;
const redirect = 1;

interface Action {
  readonly kind?: string;
  readonly options?: { readonly parameters?: Uint8Array };
}

interface FilterAttributes {
  readonly kind?: string;
  /** By a table of the kind's own. */
  readonly options?: Uint8Array;
}

interface U32Options {
  readonly selector?: Uint8Array;
  readonly actions?: { readonly first?: Action };
}

/** TCA_ACT_*, and TCA_MIRRED_PARMS inside its options. */
const action: AttributeTable<Action> = {
  kind: { type: 1, codec: text },
  options: { type: 2, codec: nested<{ parameters?: Uint8Array }>({ parameters: { type: 2, codec: binary } }) },
};

/** TCA_* */
const filterAttributes: AttributeTable<FilterAttributes> = {
  kind: { type: 1, codec: text },
  options: { type: 2, codec: nestedBytes },
};

/** TCA_U32_*. In other kinds the same numbers are something else: 7 is the name of a "bpf", and an address of a "flower". */
const u32Options: AttributeTable<U32Options> = {
  selector: { type: 5, codec: binary },
  actions: { type: 7, codec: nested<{ first?: Action }>({ first: { type: 1, codec: nested(action) } }) },
};

const place = ((redirectPriority << 16) | everyProtocol) >>> 0;

/** Refused as EXISTS or INVALID where there is one already, or a filter of another kind at its priority. */
export function addRedirect({ interfaceIndex, toIndex }: Redirect): NetlinkRequest {
  const header = controlHeader.encode({ interfaceIndex, handle: ourNode, parent: incoming, info: place });
  const parameters = mirred.encode({ action: stolen, direction: redirect, interfaceIndex: toIndex });
  const attributes = encodeAttributes(filterAttributes, {
    kind: "u32",
    options: encodeAttributes(u32Options, {
      selector: selector.encode({ flags: terminal, keys: 1 }),
      actions: { first: { kind: "mirred", options: { parameters } } },
    }),
  });
  const flags = messageFlag.create | messageFlag.exclusive;
  return { type: filterMessage.new, flags, body: concat([header, attributes]) };
}

/** Of that handle, as the kernel tells it, and no other; 0 for all of the priority, and what they hang in. */
export function deleteRedirect({
  interfaceIndex,
  handle,
}: Pick<IngressFilter, "interfaceIndex" | "handle">): NetlinkRequest {
  const header = controlHeader.encode({ interfaceIndex, handle, parent: incoming, info: place });
  const attributes = encodeAttributes(filterAttributes, { kind: "u32" });
  return { type: filterMessage.delete, flags: 0, body: concat([header, attributes]) };
}

export function isOurRedirect({ kind, priority, handle }: IngressFilter): boolean {
  return kind === "u32" && priority === redirectPriority && (handle & nodeMask) === ourNode;
}

export function listIngressFilters(interfaceIndex: number): NetlinkRequest {
  const body = controlHeader.encode({ interfaceIndex, parent: incoming });
  return { type: filterMessage.get, flags: messageFlag.dump, body };
}

/** `null` for what filters hang in: the priority itself, which the kernel lists without a handle, and tables of a u32. */
export function decodeIngressFilter({ body }: NetlinkMessage): IngressFilter | null {
  const header = controlHeader.decode(body);
  const attributes = decodeAttributes(filterAttributes, body.subarray(controlHeader.size));
  if (!header || attributes?.kind === undefined) return null;
  const { interfaceIndex, handle, info } = header;
  const { kind, options } = attributes;
  if (handle === 0 || (kind === "u32" && (handle & nodeMask) === 0)) return null;
  return {
    ...{ interfaceIndex, kind, handle, priority: info >>> 16 },
    isOfAllProtocols: (info & 0xffff) === everyProtocol,
    redirectsTo: kind === "u32" && options ? targetOf(options) : null,
  };
}

function targetOf(options: Uint8Array): number | null {
  const first = decodeAttributes(u32Options, options)?.actions?.first;
  const parameters = first?.kind === "mirred" ? first.options?.parameters : undefined;
  const told = parameters && mirred.decode(parameters);
  return told?.direction === redirect ? told.interfaceIndex : null;
}
