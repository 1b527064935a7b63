/** Rules that choose the routing table by where a packet comes from: RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE. */
import { type Address, addressBits, type Family } from "../address.ts";
import type { Prefix } from "../prefix.ts";
import { type AttributeTable, concat, decodeAttributes, encodeAttributes } from "./attribute.ts";
import { familyNumber, familyOf } from "./family.ts";
import { messageFlag, type NetlinkMessage, type NetlinkRequest } from "./message.ts";
import { type StructCodec, structCodec } from "./struct.ts";
import { address, u32 } from "./value.ts";

/** What comes from `source` is looked up in `table`. Rules of another kind (by mark, by interface) are not read. */
export interface SourceRule {
  readonly source: Prefix;
  readonly table: number;
  /** Rules are asked in this order; that of the main table is 32766. */
  readonly priority: number;
}

const ruleMessage = { new: 32, delete: 33, get: 34 } as const;

/** FR_ACT_TO_TBL */
const lookUp = 1;
/** RT_TABLE_UNSPEC: the number is in the attribute, since it may be greater than a byte. */
const tableInAttribute = 0;

/** struct fib_rule_hdr */
interface RuleHeader {
  readonly [field: string]: number;
  readonly family: number;
  readonly destinationLength: number;
  readonly sourceLength: number;
  readonly tos: number;
  readonly table: number;
  readonly reserved1: number;
  readonly reserved2: number;
  readonly action: number;
  readonly flags: number;
}

const ruleHeader: StructCodec<RuleHeader> = structCodec<RuleHeader>([
  ["family", "u8"],
  ["destinationLength", "u8"],
  ["sourceLength", "u8"],
  ["tos", "u8"],
  ["table", "u8"],
  ["reserved1", "u8"],
  ["reserved2", "u8"],
  ["action", "u8"],
  ["flags", "u32"],
]);

interface RuleAttributes {
  readonly source?: Address;
  readonly priority?: number;
  readonly table?: number;
}

/** FRA_* */
const ruleAttributes: AttributeTable<RuleAttributes> = {
  source: { type: 2, codec: address },
  priority: { type: 6, codec: u32 },
  table: { type: 15, codec: u32 },
};

/** Fails with EXISTS when there is the same. */
export function addRule(rule: SourceRule): NetlinkRequest {
  const flags = messageFlag.create | messageFlag.exclusive;
  return { type: ruleMessage.new, flags, body: encodeRule(rule) };
}

export function deleteRule(rule: SourceRule): NetlinkRequest {
  return { type: ruleMessage.delete, flags: 0, body: encodeRule(rule) };
}

export function listRules(family: Family): NetlinkRequest {
  const body = ruleHeader.encode({ family: familyNumber[family] });
  return { type: ruleMessage.get, flags: messageFlag.dump, body };
}

/** `null` for what does not parse, and for rules that do not ask for a source alone. */
export function decodeRule({ body }: NetlinkMessage): SourceRule | null {
  const header = ruleHeader.decode(body);
  const attributes = decodeAttributes(ruleAttributes, body.subarray(ruleHeader.size));
  if (!header || !attributes?.source || header.action !== lookUp || familyOf(header.family) === null) return null;
  return {
    source: { address: attributes.source, length: header.sourceLength },
    table: attributes.table ?? header.table,
    priority: attributes.priority ?? 0,
  };
}

function encodeRule({ source, table, priority }: SourceRule): Uint8Array {
  const { address: from, length } = source;
  const header = ruleHeader.encode({
    family: familyNumber[from.family],
    sourceLength: Math.min(length, addressBits[from.family]),
    table: tableInAttribute,
    action: lookUp,
  });
  return concat([header, encodeAttributes(ruleAttributes, { source: from, priority, table })]);
}
