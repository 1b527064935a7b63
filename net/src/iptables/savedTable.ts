/** What iptables-save tells about a table. */
import { type RuleArguments, splitWords } from "./ruleText.ts";
import type { TableName } from "./transaction.ts";

export interface Counters {
  readonly packets: bigint;
  readonly bytes: bigint;
}

export interface SavedRule {
  readonly arguments: RuleArguments;
  /** When counters were asked for. */
  readonly counters: Counters | null;
}

export interface SavedChain {
  readonly name: string;
  /** ACCEPT or DROP of the kernel's own chains, `null` of others. */
  readonly policy: string | null;
  readonly rules: readonly SavedRule[];
}

export interface SavedTable {
  readonly table: TableName;
  readonly chains: ReadonlyMap<string, SavedChain>;
}

/** `null` when there is a line that no table has. */
export function parseSavedTables(text: string): SavedTable[] | null {
  const tables: SavedTable[] = [];
  let chains: Map<string, SavedChain & { rules: SavedRule[] }> | null = null;
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    if (line.startsWith("*")) {
      chains = new Map();
      tables.push({ table: line.slice(1) as TableName, chains });
    } else if (line === "COMMIT") {
      chains = null;
    } else if (line.startsWith(":")) {
      const [name = "", policy = "-"] = line.slice(1).split(" ");
      if (!chains) return null;
      chains.set(name, { name, policy: policy === "-" ? null : policy, rules: [] });
    } else {
      const rule = parseRule(line);
      const chain = rule && chains?.get(rule.chain);
      if (!chain) return null;
      chain.rules.push({ arguments: rule.arguments, counters: rule.counters });
    }
  }
  return tables;
}

/**
 * Those of which iptables-nft-save says that somebody has put rules of nftables into them that iptables has no words for
 * (Tailscale does): it then tells nothing of the table, goes on with the others, and ends well.
 */
export function untoldTables(text: string): ReadonlySet<string> {
  return new Set([...text.matchAll(/^# Table `([^']*)' is incompatible/gm)].map(([, table = ""]) => table));
}

/** One chain as `iptables -S CHAIN` lists it; `null` when there is a line that no chain has. */
export function parseListedChain(text: string): SavedChain | null {
  const lines = text.split("\n").filter(Boolean);
  const [, name, policy = null] = /^-[PN] (\S+)(?: (\S+))?$/.exec(lines[0] ?? "") ?? [];
  if (name === undefined) return null;
  const rules = lines.slice(1).map(parseRule);
  if (rules.some((rule) => rule?.chain !== name)) return null;
  return {
    name,
    policy,
    rules: rules.flatMap((rule) => (rule ? [{ arguments: rule.arguments, counters: null }] : [])),
  };
}

/** "-A chain arguments", with "[packets:bytes] " in front when counters were asked for. */
function parseRule(line: string): (SavedRule & { readonly chain: string }) | null {
  const match = /^(?:\[(\d+):(\d+)\] )?-A (\S+) ?(.*)$/.exec(line);
  if (!match) return null;
  const [, packets, bytes, chain = "", rest = ""] = match;
  const words = splitWords(rest);
  const counters = packets && bytes ? { packets: BigInt(packets), bytes: BigInt(bytes) } : null;
  return words && { chain, arguments: words, counters };
}
