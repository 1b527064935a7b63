/**
 * What iptables-nft has counted, read from nf_tables itself (linux/netfilter/nf_tables.h): of one chain in a tenth of a
 * millisecond, where the command lists a whole table.
 */
import type { Family } from "../address.ts";
import { type AttributeTable, decodeAttributes, encodeAttributes, splitAttributes } from "../netlink/attribute.ts";
import { getU32be } from "../netlink/bytes.ts";
import { familyNumber } from "../netlink/family.ts";
import { messageFlag, type NetlinkMessage, type NetlinkRequest } from "../netlink/message.ts";
import { binary, text, type ValueCodec } from "../netlink/value.ts";
import { netfilterBody, netfilterRequest, subsystem } from "./message.ts";

export interface RuleCount {
  readonly chain: string;
  readonly comment: string;
  readonly packets: number;
  /** The chain that it leads to, where it leads to one. */
  readonly leadsTo?: string;
}

const message = { new: 6, get: 7 } as const;

interface RuleAttributes {
  readonly table?: string;
  readonly chain?: string;
  readonly expressions?: Uint8Array;
  readonly userData?: Uint8Array;
}

/** NFTA_RULE_* */
const ruleAttributes: AttributeTable<RuleAttributes> = {
  table: { type: 1, codec: text },
  chain: { type: 2, codec: text },
  expressions: { type: 4, codec: binary },
  userData: { type: 7, codec: binary },
};

interface ExpressionAttributes {
  readonly name?: string;
  readonly data?: Uint8Array;
}

/** NFTA_EXPR_* */
const expressionAttributes: AttributeTable<ExpressionAttributes> = {
  name: { type: 1, codec: text },
  data: { type: 2, codec: binary },
};

const u64be: ValueCodec<number> = {
  decode: (bytes) => (bytes.length === 8 ? getU32be(bytes, 0) * 2 ** 32 + getU32be(bytes, 4) : null),
  write: () => {
    throw new TypeError("counters are only read");
  },
};

/** NFTA_COUNTER_* */
const counterAttributes: AttributeTable<{ readonly packets?: number }> = { packets: { type: 2, codec: u64be } };
/** NFTA_MATCH_* of xtables in nf_tables. */
const matchAttributes: AttributeTable<{ readonly name?: string; readonly info?: Uint8Array }> = {
  name: { type: 1, codec: text },
  info: { type: 3, codec: binary },
};
/** NFTA_IMMEDIATE_*, the NFTA_DATA_* in it, and the NFTA_VERDICT_* in that. */
const immediateAttributes: AttributeTable<{ readonly data?: Uint8Array }> = { data: { type: 2, codec: binary } };
const dataAttributes: AttributeTable<{ readonly verdict?: Uint8Array }> = { verdict: { type: 2, codec: binary } };
const verdictAttributes: AttributeTable<{ readonly chain?: string }> = { chain: { type: 2, codec: text } };
/** NFTNL_UDATA_RULE_COMMENT */
const commentType = 0;

/** The rules of one chain, or of all chains of a table. */
export function listRules(options: {
  readonly family: Family;
  readonly table: string;
  readonly chain?: string;
}): NetlinkRequest {
  const { family, table, chain } = options;
  return netfilterRequest({
    type: subsystem.nftables | message.get,
    flags: messageFlag.dump,
    family: familyNumber[family],
    attributes: encodeAttributes(ruleAttributes, { table, ...(chain !== undefined && { chain }) }),
  });
}

/** `null` for every other message, and for a rule that counts nothing. */
export function decodeRuleCount({ type, body }: NetlinkMessage): RuleCount | null {
  if (type !== (subsystem.nftables | message.new)) return null;
  const parts = netfilterBody(body);
  const attributes = parts && decodeAttributes(ruleAttributes, parts.attributes);
  if (attributes?.chain === undefined) return null;
  const { chain, expressions = new Uint8Array(0), userData = new Uint8Array(0) } = attributes;
  let packets: number | null = null;
  let comment = commentIn(userData);
  let leadsTo: string | null = null;
  for (const { value } of splitAttributes(expressions) ?? []) {
    const expression = decodeAttributes(expressionAttributes, value);
    const data = expression?.data ?? new Uint8Array(0);
    if (expression?.name === "counter") packets ??= decodeAttributes(counterAttributes, data)?.packets ?? null;
    if (expression?.name === "match") comment ??= commentOf(data);
    if (expression?.name === "immediate") leadsTo ??= chainOf(data);
  }
  return packets === null ? null : { chain, comment: comment ?? "", packets, ...(leadsTo !== null && { leadsTo }) };
}

/** Of a jump, and of a goto. */
function chainOf(immediate: Uint8Array): string | null {
  const { data } = decodeAttributes(immediateAttributes, immediate) ?? {};
  const { verdict } = (data && decodeAttributes(dataAttributes, data)) ?? {};
  return (verdict && decodeAttributes(verdictAttributes, verdict)?.chain) ?? null;
}

/** Type, length and value, a byte each for the first two. */
function commentIn(userData: Uint8Array): string | null {
  for (let offset = 0; offset + 2 <= userData.length; ) {
    const [type = 0, length = 0] = userData.subarray(offset, offset + 2);
    const value = userData.subarray(offset + 2, offset + 2 + length);
    if (type === commentType) return text.decode(value);
    offset += 2 + length;
  }
  return null;
}

/** Older releases write it as the match that it is elsewhere. */
function commentOf(match: Uint8Array): string | null {
  const attributes = decodeAttributes(matchAttributes, match);
  return attributes?.name === "comment" && attributes.info ? text.decode(attributes.info) : null;
}
