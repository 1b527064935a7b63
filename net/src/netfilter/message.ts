/** What all messages of nfnetlink begin with: struct nfgenmsg. */
import { concat } from "../netlink/attribute.ts";
import type { NetlinkRequest } from "../netlink/message.ts";

export const netfilterProtocol = 12; // NETLINK_NETFILTER

/** NFNL_SUBSYS_*, as they stand in a message's type. */
export const subsystem: { readonly conntrack: number; readonly log: number; readonly nftables: number } = {
  conntrack: 1 << 8,
  log: 4 << 8,
  nftables: 10 << 8,
};

const headerBytes = 4;

export interface NetfilterRequest {
  readonly type: number;
  readonly flags?: number;
  /** AF_UNSPEC unless told. */
  readonly family?: number;
  /** In network byte order: of logging, the group. */
  readonly resource?: number;
  readonly attributes: Uint8Array;
}

export function netfilterRequest(request: NetfilterRequest): NetlinkRequest {
  const { type, flags = 0, family = 0, resource = 0, attributes } = request;
  const header = Uint8Array.of(family, 0, resource >> 8, resource & 255);
  return { type, flags, body: concat([header, attributes]) };
}

/** Family, resource and attributes; `null` for what is too short. */
export function netfilterBody(
  body: Uint8Array,
): { readonly family: number; readonly resource: number; readonly attributes: Uint8Array } | null {
  if (body.length < headerBytes) return null;
  const [family = 0, , high = 0, low = 0] = body;
  return { family, resource: (high << 8) | low, attributes: body.subarray(headerBytes) };
}
