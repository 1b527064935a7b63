/** Changes to a table as a value, and the text by which iptables-restore makes them in one step. */
import { formatWords, type RuleArguments } from "./ruleText.ts";

export type TableName = "filter" | "nat" | "mangle" | "raw";

export interface ChainContent {
  readonly name: string;
  readonly rules: readonly RuleArguments[];
}

/** A single rule: of a chain that we do not own, such as FORWARD, or of one of ours that keeps its others. */
export interface HookChange {
  /** "insert" puts it first, "append" last, "delete" removes one that is equal. */
  readonly op: "insert" | "append" | "delete";
  /** Of an insert: how many rules stay before it; none when left out. */
  readonly behind?: number;
  readonly chain: string;
  readonly rule: RuleArguments;
}

/** All of it happens at once, or nothing of it. */
export interface TableTransaction {
  readonly table: TableName;
  /** Made when they are missing, emptied when not, and filled with these rules and no others. */
  readonly chains?: readonly ChainContent[];
  /** In this order, after the chains are filled: of several inserts into one chain the last comes first. */
  readonly hooks?: readonly HookChange[];
  /** Emptied and removed last. Missing ones are no error; ones that a rule still jumps to are. */
  readonly deletedChains?: readonly string[];
}

/** The longest name of a chain: XT_EXTENSION_MAXNAMELEN, less its NUL. */
export const chainNameBytesMax = 28;

const hookFlags: Readonly<Record<HookChange["op"], string>> = { insert: "-I", append: "-A", delete: "-D" };

/**
 * The input of `iptables-restore --noflush` that makes these transactions, all of one table, one after the other.
 * Several tables in one input would be several commits: the first may stand when the second is refused.
 */
export function renderTransactions(table: TableName, transactions: readonly TableTransaction[]): string {
  const { chains, hooks, deletedChains } = mergeTransactions(transactions);
  const lines = [
    `*${table}`,
    // Declaring a chain makes it or empties it. Those that go are emptied too, so that they refer to nothing.
    ...[...chains.map((chain) => chain.name), ...deletedChains].map((name) => `:${name} - [0:0]`),
    ...chains.flatMap(({ name, rules }) => rules.map((rule) => formatWords(["-A", name, ...rule]))),
    ...hooks.map(({ op, chain, behind, rule }) => {
      const place = behind === undefined ? [] : [String(behind + 1)];
      return formatWords([hookFlags[op], chain, ...place, ...rule]);
    }),
    ...deletedChains.map((name) => `-X ${name}`),
    "COMMIT",
  ];
  return `${lines.join("\n")}\n`;
}

/** What remains when one is made after the other: of each chain the last word, and what was changed in it since. */
function mergeTransactions(transactions: readonly TableTransaction[]): Required<Omit<TableTransaction, "table">> {
  const chains = new Map<string, ChainContent | null>();
  let hooks: HookChange[] = [];
  for (const transaction of transactions) {
    const emptied = new Set([
      ...(transaction.chains ?? []).map(({ name }) => name),
      ...(transaction.deletedChains ?? []),
    ]);
    hooks = [...hooks.filter(({ chain }) => !emptied.has(chain)), ...(transaction.hooks ?? [])];
    for (const chain of transaction.chains ?? []) chains.set(chain.name, chain);
    for (const name of transaction.deletedChains ?? []) chains.set(name, null);
  }
  return {
    chains: [...chains.values()].filter((chain) => chain !== null),
    hooks,
    deletedChains: [...chains].filter(([, chain]) => chain === null).map(([name]) => name),
  };
}
