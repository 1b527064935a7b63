/** Queueing disciplines: RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC. Of their kinds the token bucket, and the hook for what comes in. */
import { type AttributeTable, concat, decodeAttributes, encodeAttributes, nested } from "./attribute.ts";
import { messageFlag, type NetlinkMessage, type NetlinkRequest } from "./message.ts";
import { type StructCodec, structCodec } from "./struct.ts";
import { encodeTokenBucket, readTokenBucket, type TokenBucket } from "./tokenBucket.ts";
import { binary, text, type ValueCodec } from "./value.ts";

/** One at the root of an interface, or the one for what comes in by it. */
export interface Qdisc {
  readonly interfaceIndex: number;
  /** "tbf", "ingress", "noqueue", … */
  readonly kind: string;
  /** Major number in the upper half; zero for those that the kernel makes by itself. */
  readonly handle: number;
  readonly isRoot: boolean;
  /** Of a "tbf". */
  readonly bucket: TokenBucket | null;
}

export type NewQdisc =
  /** At the root: what the interface sends. */
  | {
      readonly kind: "tbf";
      readonly interfaceIndex: number;
      readonly handle: number;
      readonly bucket: TokenBucket;
    }
  /** For filters of what comes in. Its handle is always `ingressHandle`. */
  | { readonly kind: "ingress"; readonly interfaceIndex: number };

/** TC_H_ROOT, TC_H_INGRESS */
const rootParent = 0xffff_ffff;
const ingressParent = 0xffff_fff1;
/** `ffff:` */
const ingressHandle = 0xffff_0000;

const qdiscMessage = { new: 36, delete: 37, get: 38 } as const;

/** struct tcmsg, of filters too. */
interface ControlHeader {
  readonly [field: string]: number;
  readonly family: number;
  readonly padding1: number;
  readonly padding2: number;
  readonly interfaceIndex: number;
  readonly handle: number;
  readonly parent: number;
  readonly info: number;
}

export const controlHeader: StructCodec<ControlHeader> = structCodec<ControlHeader>([
  ["family", "u8"],
  ["padding1", "u8"],
  ["padding2", "u16"],
  ["interfaceIndex", "s32"],
  ["handle", "u32"],
  ["parent", "u32"],
  ["info", "u32"],
]);

interface QdiscAttributes {
  readonly kind?: string;
  readonly options?: Uint8Array;
}

/** What is inside is of the kind's own table. */
export const nestedBytes: ValueCodec<Uint8Array> = { ...binary, typeFlags: nested({}).typeFlags ?? 0 };

/** TCA_* */
const qdiscAttributes: AttributeTable<QdiscAttributes> = {
  kind: { type: 1, codec: text },
  options: { type: 2, codec: nestedBytes },
};

/** Changes the one that is there, where it is of the same kind. */
export function replaceQdisc(qdisc: NewQdisc): NetlinkRequest {
  const { kind, interfaceIndex } = qdisc;
  const place =
    qdisc.kind === "tbf"
      ? { handle: qdisc.handle, parent: rootParent }
      : { handle: ingressHandle, parent: ingressParent };
  const options = qdisc.kind === "tbf" ? { options: encodeTokenBucket(qdisc.bucket) } : {};
  const attributes = encodeAttributes(qdiscAttributes, { kind, ...options });
  const flags = messageFlag.create | messageFlag.replace;
  return {
    type: qdiscMessage.new,
    flags,
    body: concat([controlHeader.encode({ interfaceIndex, ...place }), attributes]),
  };
}

/** With an ingress qdisc its filters go as well. */
export function deleteQdisc({ interfaceIndex, isRoot }: Pick<Qdisc, "interfaceIndex" | "isRoot">): NetlinkRequest {
  const parent = isRoot ? rootParent : ingressParent;
  return { type: qdiscMessage.delete, flags: 0, body: controlHeader.encode({ interfaceIndex, parent }) };
}

/** Of all interfaces: the kernel knows no other listing. */
export function listQdiscs(): NetlinkRequest {
  return { type: qdiscMessage.get, flags: messageFlag.dump, body: controlHeader.encode({}) };
}

/** `null` for what does not parse, and for those inside of others. */
export function decodeQdisc({ body }: NetlinkMessage): Qdisc | null {
  const header = controlHeader.decode(body);
  const attributes = decodeAttributes(qdiscAttributes, body.subarray(controlHeader.size));
  if (!header || attributes?.kind === undefined) return null;
  const isRoot = header.parent === rootParent;
  if (!isRoot && header.parent !== ingressParent) return null;
  const { kind, options } = attributes;
  return {
    interfaceIndex: header.interfaceIndex,
    kind,
    handle: header.handle,
    isRoot,
    bucket: kind === "tbf" && options ? readTokenBucket(options) : null,
  };
}
