/**
 * What a table of iptables-legacy has counted, as the kernel hands it over: struct ipt_getinfo and struct ipt_get_entries of
 * linux/netfilter_ipv4/ip_tables.h and the same of ip6_tables.h, in the machine's byte order. The command takes a second for a
 * hundred thousand rules, since it writes each in words; the kernel takes milliseconds for the whole table.
 */
import type { Family } from "../address.ts";
import type { RuleCount } from "../netfilter/ruleCounters.ts";
import { getU16, getU32, littleEndian } from "../netlink/bytes.ts";
import { encodeValue, text, u32 } from "../netlink/value.ts";

/** Options of a raw socket of either family, at its level (SOL_IP, SOL_IPV6). */
export const entriesOption: {
  readonly info: 64;
  readonly entries: 65;
  readonly level: Readonly<Record<Family, number>>;
} = { info: 64, entries: 65, level: { 4: 0, 6: 41 } };

const nameBytes = 32; // XT_TABLE_MAXNAMELEN
export const infoBytes = 84;
const hooksAt = { valid: 32, entries: 36 } as const;
const sizeAt = 80;
/** By NF_INET_*. */
const hookNames = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"] as const;
/** Of struct ipt_get_entries before the entries, which stand at a multiple of eight. */
const headBytes = 40;
/** struct xt_entry_match and struct xt_entry_target before what is their own. */
const matchHeadBytes = 32;
const targetHeadBytes = 32;
const nameMax = 29; // XT_EXTENSION_MAXNAMELEN
/** struct xt_error_target: its head, a name of XT_FUNCTION_MAXNAMELEN, and what aligns it. */
const errorTargetBytes = 64;

/** Of struct ipt_entry and struct ip6t_entry: where the offsets of the target and of the next entry stand, and the counters. */
const layouts: Readonly<
  Record<Family, { readonly offsetsAt: number; readonly countersAt: number; readonly bytes: number }>
> = { 4: { offsetsAt: 88, countersAt: 96, bytes: 112 }, 6: { offsetsAt: 140, countersAt: 152, bytes: 168 } };

/** What the kernel is asked with, and answers into: of how many bytes the table is. */
export function infoRequest(table: string): Uint8Array {
  const request = new Uint8Array(infoBytes);
  request.set(encodeValue(text, table).subarray(0, nameBytes - 1));
  return request;
}

/** The bytes of all entries of a table. */
export function entriesSize(info: Uint8Array): number {
  return getU32(info, sizeAt);
}

/** The same for the entries, of which there are so many bytes. */
export function entriesRequest(table: string, size: number): Uint8Array {
  const request = new Uint8Array(headBytes + size);
  request.set(encodeValue(text, table).subarray(0, nameBytes - 1));
  request.set(encodeValue(u32, size), nameBytes);
  return request;
}

/** Where the kernel's own chains begin, from the first entry on. */
function hookStarts(info: Uint8Array): Map<number, string> {
  const valid = getU32(info, hooksAt.valid);
  const starts = hookNames.map((name, hook): [number, string] => [getU32(info, hooksAt.entries + 4 * hook), name]);
  return new Map(starts.filter((_, hook) => ((valid >> hook) & 1) === 1));
}

/**
 * The rules of chains, in their order. A chain of somebody's begins with an entry whose target ERROR has its name; each ends
 * with an entry that is its policy, or returns. `null` for what is no table.
 */
export function decodeCountedEntries(
  { info, answer }: { readonly info: Uint8Array; readonly answer: Uint8Array },
  family: Family,
  isWanted: (chain: string) => boolean,
): RuleCount[] | null {
  const { offsetsAt, countersAt, bytes } = layouts[family];
  const starts = hookStarts(info);
  const counts: RuleCount[] = [];
  let chain: string | null = null;
  let rules: RuleCount[] = [];
  const begin = (name: string): void => {
    counts.push(...rules.slice(0, -1));
    rules = [];
    chain = isWanted(name) ? name : null;
  };
  for (let at = headBytes; at < answer.length; ) {
    const target = getU16(answer, at + offsetsAt);
    const next = getU16(answer, at + offsetsAt + 2);
    if (target < bytes || next < target + targetHeadBytes || at + next > answer.length) return null;
    const hook = starts.get(at - headBytes);
    if (hook !== undefined) begin(hook);
    if (isNamed(answer, at + target + 2, "ERROR")) begin(textAt(answer, at + target + targetHeadBytes, nameMax));
    else if (chain !== null) {
      const comment = commentIn(answer, at + bytes, at + target);
      const leadsTo = chainOf(answer, at + target, bytes);
      rules.push({ chain, comment, packets: getU64(answer, at + countersAt), ...(leadsTo !== null && { leadsTo }) });
    }
    at += next;
  }
  return counts; // The last entry is an ERROR, which ends the table.
}

/**
 * Of a standard target (its name is empty), whose verdict is where the chain's first rule stands, if it is none of the
 * negative ones. Before that rule stands the entry with the chain's name.
 */
function chainOf(answer: Uint8Array, target: number, entryBytes: number): string | null {
  if (answer[target + 2] !== 0 || target + targetHeadBytes + 4 > answer.length) return null;
  const verdict = getU32(answer, target + targetHeadBytes);
  const error = headBytes + verdict - errorTargetBytes;
  if (verdict >= 0x8000_0000 || error < headBytes + entryBytes || error + errorTargetBytes > answer.length) return null;
  return isNamed(answer, error + 2, "ERROR") ? textAt(answer, error + targetHeadBytes, nameMax) : null;
}

function commentIn(answer: Uint8Array, from: number, to: number): string {
  for (let at = from; at + matchHeadBytes <= to; ) {
    const size = getU16(answer, at);
    if (isNamed(answer, at + 2, "comment")) {
      return textAt(answer, at + matchHeadBytes, size - matchHeadBytes);
    }
    if (size < matchHeadBytes) break;
    at += size;
  }
  return "";
}

/** Of tens of thousands of entries few are looked at: no text is made of the others. */
function isNamed(bytes: Uint8Array, at: number, name: string): boolean {
  for (let index = 0; index < name.length; index++) if (bytes[at + index] !== name.charCodeAt(index)) return false;
  return bytes[at + name.length] === 0;
}

/** Up to its NUL. What iptables takes is printable. */
function textAt(bytes: Uint8Array, from: number, lengthMax: number): string {
  let end = from;
  while (end < from + lengthMax && bytes[end] !== 0) end += 1;
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, end - from).toString("latin1");
}

function getU64(bytes: Uint8Array, offset: number): number {
  const [low, high] = littleEndian ? [offset, offset + 4] : [offset + 4, offset];
  return getU32(bytes, high) * 2 ** 32 + getU32(bytes, low);
}
